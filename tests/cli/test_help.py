"""`--help` is short, complete on request, and shows what was written."""

from __future__ import annotations

import re

import pytest
import typer
from typer.testing import CliRunner

from edgeprune.cli import COMMANDS, LONG_COMMANDS, app, options
from edgeprune.recipe import SETTINGS

MOST_LINES = 110  # of 80 columns: two screens


def shown(*arguments: str, columns: int = 80) -> str:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": str(columns), "TERMINAL_WIDTH": str(columns)})
    assert done.exit_code == 0, done.output
    return done.output


def options_of(text: str) -> set[str]:
    """Those in the left column."""
    return set(re.findall(r"^│ \*? *(--[a-z0-9-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_on_two_screens(command):
    text = shown(command, "--help")
    assert len(text.splitlines()) <= MOST_LINES
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("command", LONG_COMMANDS)
def test_help_all_has_every_option_and_help_those_that_most_people_need(command):
    group = typer.main.get_command(app)
    names = {one.opts[0] for one in group.commands[command].params if isinstance(one, typer.core.TyperOption)}
    brief, everything = options_of(shown(command, "--help")), options_of(shown(command, "--help-all"))
    assert everything == names | {"--help"}
    assert {"--prune", "--data", "--out", "--epochs", "--quantize", "--help-all"} <= brief
    assert len(brief) < 0.6 * len(everything)
    # Nothing stays hidden: shells complete every option.
    assert not any(getattr(one, "hidden", False) for one in group.commands[command].params)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_stands_in_a_panel_and_is_one_sentence_or_two(name):
    assert options.panel_of(name)
    text = SETTINGS[name].help
    assert text[-1] == "."
    assert not re.search(r"\b(so many|it is said|is none)\b", text), text


@pytest.mark.parametrize(("command", "text"), [
    ("build", "ssh://[user@]host[:port]"), ("bench", "adb://[serial]"), ("check", "[limits]"),
])
def test_brackets_are_shown(command, text):
    assert text in shown(command, "--help", columns=200)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("zoo", "doctor")])
def test_examples_are_commands_that_parse(command):
    text = shown(command, "--help", columns=200)
    examples = [line.split("#")[0].split() for line in text.split("Examples")[1].splitlines() if line.strip()]
    assert examples
    group = typer.main.get_command(app)
    for program, name, *words in examples:
        assert (program, name) == ("edgeprune", command)
        group.commands[name].make_context(name, words)
