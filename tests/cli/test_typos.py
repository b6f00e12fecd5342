"""A typo on the command line gets the word that was meant."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from edgeprune.cli import COMMANDS, app


def error_of(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"})
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize(("typed", "near"), [
    ("biuld", "build"), ("comapre", "compare"), ("serch", "search"), ("inspekt", "inspect"),
])  # fmt: skip
def test_commands(typed, near):
    assert f"Did you mean '{near}'" in error_of(typed)


@pytest.mark.parametrize(("command", "typed", "near"), [
    ("build", "--prun", "--prune"), ("build", "--lr", "--learning-rate"), ("build", "--sparsity", "--prune"),
    ("build", "--max_drop", "--max-drop"), ("build", "--output-dir", "--out"),
    ("search", "--trails", "--trials"), ("check", "--max-siz", "--max-size"),
    ("bench", "--devise", "--device"), ("bench", "--num-threads", "--threads"),
    ("bench", "--no-xnpack", "--no-xnnpack"), ("export", "--androide", "--android"),
    ("shrink", "--output", "--out"), ("inspect", "--trust", "--trust-model"),
    ("report", "--record", "--records"), ("compare", "--round", "--rounds"),
])  # fmt: skip
def test_options(command, typed, near):
    text = error_of(command, typed, "1")
    assert f"There is no option {typed}. Did you mean {near}?" in text


def test_an_option_without_its_value_is_no_typo():
    assert "requires an argument" in error_of("report", "build/mine", "--recipe")
    assert "no option" not in error_of("report", "build/mine", "--recipe")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_word_like_no_other_gets_the_list(command):
    text = error_of(command, "--qqqqqqqq")
    assert "There is no option --qqqqqqqq. --help" in text
    assert "Possible" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_its_own_nearest(command):
    """One letter left out leads back to it, unless that is another option."""
    made = typer.main.get_command(app).commands[command]
    words = {word for one in made.params for word in (*one.opts, *one.secondary_opts)}
    options = {word for word in words if word.startswith("--")}
    for word in options - {"--help"}:
        typo = word[:-1]
        if len(word) > 8 and typo not in options:
            assert f"Did you mean {word}?" in made._unknown(typo)
