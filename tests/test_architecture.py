"""The rules of the house, read from the source alone: direction of imports, unique class names, clear words.

Nothing is imported from the product and TensorFlow is never loaded, so this takes seconds.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PRODUCT = ("edgeprune", "device_runners", "models")
LONGEST_FUNCTION = 60
MOST_LINES_WITH_ANY = 400
TENSORFLOW = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"}
MAY_IMPORT_TENSORFLOW = {"keras_bridge", "training", "conversion"}

# Words of an older vocabulary that may be no part of a name: `Scene`, `scene_of` and `_scene` are all found.
GONE_ANYWHERE = """
    scene chance harm damage repair mend closing ending observe mix known watcher rectified proof prepared
    fade departures answers goal worth trainee wrapping made_up flavour flavours kerases widen said ladder
    margins wants assemble spool fitter fitted aims breakdown judge slot slots crew hopeless rival apart
    parcel integrate room keeper many share shares amount whole goes stays random_layers kept_units
    all_units rank_units next_units spread_map
"""
# Words that are natural in longer names or as locals, but say nothing as the whole name of a module, class,
# function, attribute or parameter.
GONE_ALONE = """
    trace cut curves levels level sharing links feed narrow template meter paired
"""
# Words that are natural for a method or an attribute, but told nobody what was in the module they named.
GONE_MODULES = """
    board finish quiet running spread
"""


@functools.cache
def sources() -> dict[Path, ast.Module]:
    """Every module of the product, parsed."""
    files = [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def definitions(kind: type | tuple[type, ...]) -> Iterator[tuple[Path, ast.AST]]:
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, kind):
                yield path, node


@functools.cache
def names() -> dict[str, list[str]]:
    """The names of modules, classes, functions, attributes and parameters, and where each is given."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, tree in sources().items():
        found[path.parent.name if path.stem == "__init__" else path.stem].append(str(path))
        for node in ast.walk(tree):
            for name in _given(node):
                found[name].append(f"{path}:{node.lineno}")
    return found


def _given(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.ClassDef():
            return [node.name, *(field.target.id for field in node.body
                                 if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name))]
        case ast.arg():
            return [node.arg]
        case ast.Attribute(ctx=ast.Store()):
            return [node.attr]
    return []


def words_of(name: str) -> list[str]:
    """`_PreparedModel` and `prepared_model` -> `prepared`, `model`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def contracts() -> list[dict[str, object]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["tool"]["importlinter"]["contracts"])


@pytest.mark.parametrize("contract", [str(contract["id"]) for contract in contracts()])
def test_import_contract(contract):
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", command, "--no-cache", "--contract", contract], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_contracts_have_no_exceptions():
    for contract in contracts():
        assert not {"ignore_imports", "unmatched_ignore_imports_alerting"} & set(contract), contract["id"]


def test_every_module_has_its_layer():
    layers = next(contract["layers"] for contract in contracts() if contract["type"] == "layers")
    placed = {module.strip() for layer in layers for module in layer.split("|")}
    there = {f"edgeprune.{path.stem}" for path in (ROOT / "edgeprune").iterdir()
             if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())}
    assert placed == there | {"device_runners", "edgeprune_models"}


def test_tensorflow_contract_covers_every_package():
    contract = next(contract for contract in contracts() if contract["type"] == "forbidden")
    packages = {f"edgeprune.{path.stem}" for path in (ROOT / "edgeprune").iterdir()
                if path.stem not in {"__init__", *MAY_IMPORT_TENSORFLOW}
                and (path.suffix == ".py" or (path / "__init__.py").exists())}
    assert set(contract["source_modules"]) == packages | {"device_runners"}
    assert set(contract["forbidden_modules"]) == TENSORFLOW


def test_class_names_are_unique():
    places = defaultdict(list)
    for path, node in definitions(ast.ClassDef):
        places[node.name].append(f"{path}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_functions_fit_on_a_screen():
    long = {f"{path}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
            for path, node in definitions((ast.FunctionDef, ast.AsyncFunctionDef))
            if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION}
    assert long == {}


def test_signatures_seldom_say_any():
    lines = {path: sum(bool(re.search(r"\bAny\b", line)) for line in (ROOT / path).read_text().splitlines())
             for path in sources()}
    most = dict(sorted(lines.items(), key=lambda item: -item[1])[:12])
    assert sum(lines.values()) < MOST_LINES_WITH_ANY, most


def test_no_dictionary_is_keyed_by_id():
    """An id is only as stable as its object lives; a key of its own says what is meant."""
    assert [f"{path}:{node.lineno}" for path, node in definitions(ast.Call)
            if isinstance(node.func, ast.Name) and node.func.id == "id"] == []


def test_names_say_what_a_thing_is():
    """`utils` collects leftovers; a Manager, Helper or Performer is a verb that was not found."""
    assert [path for path in sources() if path.stem in {"util", "utils", "helpers", "misc"}] == []
    assert [f"{path}:{node.lineno} {node.name}" for path, node in definitions(ast.ClassDef)
            if re.search("Manager|Helper|Performer", node.name)] == []


@pytest.mark.parametrize("word", GONE_ANYWHERE.split())
def test_word_of_the_old_vocabulary(word):
    found = {name: where for name, where in names().items() if f"_{word}_" in f"_{'_'.join(words_of(name))}_"}
    assert found == {}


@pytest.mark.parametrize("word", GONE_MODULES.split())
def test_module_has_a_clearer_name(word):
    assert [path for path in sources() if words_of(path.stem) == [word]] == []


@pytest.mark.parametrize("word", GONE_ALONE.split())
def test_word_that_names_nothing_by_itself(word):
    found = {name: where for name, where in names().items() if words_of(name) == [word]}
    assert found == {}
