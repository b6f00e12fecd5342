"""Everything a reader of the documents is asked to type is understood, and the heavy tests type it."""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from edgeprune.recipe import file as recipes
from tests.documents import PROGRAMS, ROOT, Block, Command, blocks, commands
from tests.typed_commands import make_workspace, use_model_for

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# typer carries its own click, or uses the one that is installed.
MissingParameter = sys.modules[typer.BadParameter.__module__].MissingParameter
# What this machine cannot or should not run. Each reason says who does it instead, or what is missing.
ELSEWHERE = {
    r"^(pip install [^&]*&& )?(pytest|ruff|mypy|lint-imports|\.ci/run)\b": ".ci/run types it",
    r"^(pip|git|sh) [^&]*$": "changes the machine, not a folder; .ci/run does it",
    r"^openssl|(--sign|--verify-key)": "makes keys; tests/gate/test_signing.py does and uses them",
    r"\bray start": "starts a cluster on this machine; tests/sweep/test_ray.py has one of its own",
    r"--max-energy": "needs a meter; tests/device_runners/test_energy.py has a command for one",
    r"^edgeprune history$": "nothing is kept yet; device_runners/README.md types it after a run",
    r"devices --prepare": "installs on a device; tests/device_runners prepares emulated boards",
    r"ssh://pi1": "two devices; tests/sweep/test_devices.py emulates them",
    r"^cmake .*android|--native-runner": "needs Android's NDK; tests/device_runners emulates the phone",
    r"^python\b.*tests.benchmarks": "measures for hours; its --help is a test here",
    r"--task (segmentation|detection)": "trains for long; tests/models/test_dense_builds.py builds both",
    r"keras:|tfds:": "downloads; tests/data reads such sets from a local copy",
}
# A device's address becomes this machine, and many trials a few.
HERE = {
    r"(ssh|adb)://\S*": "local",
    r"--trials \d+": "--trials 2",
    r"(edgeprune search (?!.*--trials).*)": r"\1 --trials 2",
    r"^pip install [^&]*&& ": "",
    r"\bMODEL\b": "mine.keras",
    r"\bBUNDLE\b": "build/edgeprune",
    r"package\.module:function": "my_samples:load",
}


def _elsewhere(command: Command) -> str | None:
    return next((why for pattern, why in ELSEWHERE.items() if re.search(pattern, command.text)), None)


@functools.cache
def _edgeprune() -> typer.core.TyperGroup:
    from edgeprune.cli import app

    return typer.main.get_command(app)


def _understand_edgeprune(words: list[str], *, partial: bool) -> None:
    group = _edgeprune()
    name, *rest = words or ["--help"]
    if name.startswith("-"):
        context = group.make_context("edgeprune", [], resilient_parsing=True)
        assert name in {option for one in group.get_params(context) for option in one.opts}
        return
    assert name in group.commands, f"no command {name}"
    with contextlib.suppress(*[MissingParameter] if partial else []):
        only_help = not {"--help", "--help-all"}.isdisjoint(rest)
        group.commands[name].make_context(name, rest, resilient_parsing=only_help)


def _understand_pip(words: list[str], *, partial: bool) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    found = [re.search(r"\.\[(.*)\]", word) for word in words]
    asked = {extra for one in found if one for extra in one[1].split(",")}
    assert partial or asked <= set(extras), asked


def _understand_python(words: list[str], *, partial: bool) -> None:
    """The file is there and knows each option."""
    del partial
    path = words[1].replace(".", "/") + ".py" if words[0] == "-m" else words[0]
    source = (ROOT / path).read_text(encoding="utf-8")
    assert [word for word in words if word.startswith("--") and f'"{word.split("=")[0]}"' not in source] == []


def _understand_paths(words: list[str], *, partial: bool) -> None:
    del partial
    paths = [word.split("::")[0] for word in words if word.startswith(("tests/", ".ci/"))]
    assert [path for path in paths if not (ROOT / path).exists()] == []


UNDERSTAND = {"edgeprune": _understand_edgeprune, "pip": _understand_pip, "python": _understand_python}


def _understand(command: Command, *, partial: bool) -> None:
    """Fail unless every program is known and takes the words; `partial` ones may lack arguments."""
    for program, *words in command.programs():
        assert program in PROGRAMS
        UNDERSTAND.get(program, _understand_paths)(words, partial=partial)


@pytest.mark.parametrize("command", commands(), ids=str)
def test_command_is_understood(command):
    _understand(command, partial=not command.block.language)


@pytest.mark.parametrize("block", [block for block in blocks() if block.language == "python"], ids=str)
def test_python_is_understood(block):
    """It parses, and what it takes from edgeprune is there."""
    import edgeprune

    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("edgeprune"):
            module = __import__(node.module, fromlist=["x"])
            assert all(hasattr(module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "edgeprune":
            assert hasattr(edgeprune, node.attr), node.attr


@pytest.mark.parametrize("block", [block for block in blocks() if block.language == "toml"], ids=str)
def test_recipe_is_understood(block, tmp_path):
    (tmp_path / "edgeprune.toml").write_text(block.text)
    settings, _ = recipes.read_recipe(tmp_path / "edgeprune.toml")
    assert settings


@functools.cache
def _options() -> set[str]:
    """Of all commands."""
    return {option for command in [_edgeprune(), *_edgeprune().commands.values()]
            for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}


def _inline(pattern: str) -> list[Block]:
    found = {(str(block.document), block.text): block for block in blocks()
             if not block.language and re.match(pattern, block.text)}
    return list(found.values())


@pytest.mark.parametrize("block", _inline(r"--[a-z]"), ids=lambda block: block.text)
def test_option_exists(block):
    name = re.match(r"--[a-z][a-z0-9-]*", block.text)[0]
    sources = [path.read_text() for path in (ROOT / "tests" / "benchmarks").glob("*.py")]
    assert name in _options() | {"--help"} or any(f'"{name}"' in source for source in sources)


@pytest.mark.parametrize("block", _inline(r"(tests|edgeprune|models|device_runners|\.ci)/[\w/.]+$"),
                         ids=lambda block: block.text)
def test_path_exists(block):
    assert (ROOT / block.text).exists()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("reader"))


# What several documents ask for is typed once, as a block has it: its comment may promise an exit code.
TYPED = {one.text: one for one in sorted(commands(), key=lambda one: bool(one.block.language))}


@pytest.mark.heavy
@pytest.mark.parametrize("command", TYPED.values(), ids=str)
def test_command_runs(command, workspace, tmp_path):
    if why := _elsewhere(command):
        pytest.skip(why)
    if not command.block.language:
        try:
            _understand(command, partial=False)
        except MissingParameter:
            pytest.skip("a sentence names it in part, and nobody types it so")
    text = command.text
    for pattern, instead in HERE.items():
        text = re.sub(pattern, instead, text)
    folder = tmp_path / "work"
    shutil.copytree(workspace, folder, symlinks=True)
    use_model_for(text, folder)
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{folder}/bin:{os.environ['PATH']}",
                   "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "SHELL": "/bin/bash"}
    done = subprocess.run(["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=1500, check=False)
    assert done.returncode == command.exit_code, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.heavy
@pytest.mark.parametrize("path", sorted(
    path for path in (ROOT / "tests" / "benchmarks").glob("*.py") if "argparse" in path.read_text()
), ids=lambda path: path.stem)
def test_benchmark_tells_its_options(path: Path):
    # Some are modules of the package, some are scripts.
    ways = [["-m", f"tests.benchmarks.{path.stem}"], [str(path)]]
    results = [subprocess.run([sys.executable, *way, "--help"], cwd=ROOT, capture_output=True, text=True,
                              check=False) for way in ways]
    assert any(done.returncode == 0 and "usage" in done.stdout for done in results), results[0].stderr
