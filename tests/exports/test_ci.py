"""CI templates: well formed, and they call commands that exist with options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from edgeprune.cli import app
from edgeprune.errors import InputError
from edgeprune.exports import export
from edgeprune.version import VERSION
from tests.exports.bundles import contents, int8_bundle, run
from tests.exports.compilers import HINT, need
from tests.tools import need_package


@pytest.fixture
def templates(tmp_path: Path) -> dict[str, str]:
    export(int8_bundle(tmp_path / "bundle"), {"ci": tmp_path / "ci"}, package="com.example.digits")
    return {name: content.decode() for name, content in contents(tmp_path / "ci").items()}


def commands(text: str) -> list[list[str]]:
    """Every call of edgeprune in a template, as words."""
    joined = re.sub(r">-\n\s+", "", text)
    joined = re.sub(r"(edgeprune check [^\n]+)\n\s+(--)", r"\1 \2", joined)
    lines = re.findall(r"(?:run: |entry: |- )(edgeprune [a-z]+ [a-z/-]+ [^\n]*)", joined)
    calls = re.findall(r'sh\(("edgeprune".*?)\)\n', text, re.DOTALL)
    return [shlex.split(line) for line in lines] + [re.findall(r'"([^"]*)"', call) for call in calls]


@pytest.mark.parametrize(
    ("name", "count"), [("github.yml", 2), ("gitlab.yml", 2), ("Fastfile", 3), ("pre-commit.yml", 1)]
)
def test_every_command_and_option_exists(name: str, count: int, templates: dict[str, str]) -> None:
    found = commands(templates[name])
    assert len(found) == count
    known: Any = get_command(app)
    for words in found:
        command = known.commands[words[1]]
        options = {option for one in command.params for option in one.opts}
        assert {word for word in words if word.startswith("--")} <= options
        context = command.make_context(words[1], words[2:], resilient_parsing=False)
        assert "build/edgeprune" in {str(value) for value in context.params.values()}


@pytest.mark.heavy
def test_templates_are_well_formed(templates: dict[str, str], tmp_path: Path) -> None:
    yaml = need_package("yaml", HINT)
    github = yaml.safe_load(templates["github.yml"])
    assert github[True] == {"push": None, "pull_request": None}  # YAML 1.1 reads `on` as true
    runs = [step["run"] for step in github["jobs"]["model"]["steps"] if "run" in step]
    assert runs[-1].startswith("edgeprune check build/edgeprune --verify --recipe edgeprune.toml --github ")
    gitlab = yaml.safe_load(templates["gitlab.yml"])
    assert gitlab["edgeprune"]["script"][1] == "edgeprune build --recipe edgeprune.toml --out build/edgeprune"
    (hook,) = yaml.safe_load(templates["pre-commit.yml"])["repos"][0]["hooks"]
    assert re.fullmatch(hook["files"], "build/edgeprune/model.tflite")
    assert not re.fullmatch(hook["files"], "edgeprunextoml")
    need("ruby")
    (tmp_path / "Fastfile").write_text(templates["Fastfile"])
    assert run("ruby", "-c", tmp_path / "Fastfile") == "Syntax OK\n"


def installed(text: str) -> str:
    """What a template gives to pip."""
    (line,) = re.findall(r"python -m pip install (.*)", text)
    (word,) = shlex.split(line)
    return str(word)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("git+https://example.com/team/edgeprune@v1", "edgeprune[host] @ git+https://example.com/team/edgeprune@v1"),
        ("https://example.com/edgeprune-1-py3-none-any.whl",
         "edgeprune[host] @ https://example.com/edgeprune-1-py3-none-any.whl"),
        ("tools/edgeprune-1-py3-none-any.whl", "./tools/edgeprune-1-py3-none-any.whl[host]"),
        ("edgeprune-1-py3-none-any.whl", "./edgeprune-1-py3-none-any.whl[host]"),
    ],
)
def test_edgeprune_is_installed_from_where_the_team_has_it(asked: str, given: str, tmp_path: Path) -> None:
    export(int8_bundle(tmp_path / "bundle"), {"ci": tmp_path / "ci"}, install_from=asked)
    for name in ("github.yml", "gitlab.yml"):
        assert installed((tmp_path / "ci" / name).read_text()) == given
    assert f"`{given}`" in (tmp_path / "ci" / "README.md").read_text()


@pytest.mark.parametrize(
    "asked", ["edgeprune", "edgeprune==1.0", "a b/c", "x/$(id)", 'x/"; id', "x/\nid", ""]
)
def test_a_bare_name_and_anything_that_a_shell_would_read_is_refused(asked: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--install-from"):
        export(int8_bundle(tmp_path / "bundle"), {"ci": tmp_path / "ci"}, install_from=asked)
    assert not (tmp_path / "ci").exists()


def test_nothing_is_asked_of_a_repository_without_python_files(templates: dict[str, str]) -> None:
    """`cache: pip` of setup-python stops where there is no requirements.txt and no pyproject.toml."""
    assert "cache: pip" not in templates["github.yml"]
    for name in ("github.yml", "gitlab.yml"):
        assert installed(templates[name]) == f"./edgeprune-{VERSION}-py3-none-any.whl[host]"
    assert f"`edgeprune-{VERSION}-py3-none-any.whl`" in templates["README.md"]
