"""The Python functions and the command line offer the same under the same names, with the same defaults.

Whoever adds an option to a command adds the keyword to the function of `edgeprune/api` (and the other way
round), or says in the tables below why there is none.
"""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

import pytest
import typer

import edgeprune
from edgeprune.cli import app
from edgeprune.recipe import LIMITS, SETTINGS

FUNCTIONS = {
    "build": "build", "search": "search", "bench": "bench", "compare": "compare", "check": "check",
    "export": "export", "report": "write_report", "shrink": "shrink", "inspect": "inspect",
}
# Where a keyword cannot have the option's name.
KEYWORDS = {"ratio": "ratios", "min": "minimum", "max": "maximum"}
# What is said in the terminal: to print something, or where to.
TERMINAL = {
    "build": {"json", "quiet", "help_all", "write_recipe", "explain", "verbose"},
    "search": {"json", "quiet", "help_all"}, "check": {"json", "junit", "markdown", "github"},
    "shrink": {"json", "out"},  # a model in memory comes back
}  # fmt: skip
# What only Python has: a callback, and values that hold several options.
PYTHON = {
    "build": {"progress", "options"}, "search": {"progress"}, "bench": {"options"}, "compare": {"options"},
    "check": {"limits", "options"}, "export": {"folders"},
}  # fmt: skip
# What the terminal shows as "not given" is written out in Python.
WRITTEN_OUT = {
    ("bench", "device"): "local", ("search", "device"): "local",
    ("search", "objective"): ("accuracy", "latency", "size", "memory"),
}  # fmt: skip
# `bench` measures several numbers of threads in the terminal, one in Python, which has loops.
AS_TEXT = {("bench", "threads")}


def keyword_of(option: str) -> str:
    name = option.lstrip("-").replace("-", "_").removeprefix("no_")
    return KEYWORDS.get(name, name)


def offered(command: str) -> dict[str, object]:
    """By keyword: the default that the command line has."""
    found = {}
    for one in typer.main.get_command(app).commands[command].params:
        if one.name != "help":
            words = [word for word in one.opts if word.startswith("--")] or [one.name]
            word = max(words, key=len)
            found[keyword_of(word)] = not one.default if word.startswith("--no-") else one.default
    return found


def plain(value: object) -> object:
    """Nothing is nothing, however it is written."""
    if isinstance(value, Path):
        return str(value)
    return None if value in (None, "", (), [], {}, inspect.Parameter.empty) else value


def parameters(function: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(edgeprune, function)).parameters)


@pytest.mark.parametrize("command", FUNCTIONS)
def test_every_option_is_a_keyword_and_every_keyword_is_an_option(command):
    terminal = set(offered(command)) - TERMINAL.get(command, {"json"})
    python = set(parameters(FUNCTIONS[command])) - PYTHON.get(command, set())
    assert terminal == python


@pytest.mark.parametrize("command", FUNCTIONS)
def test_defaults_are_the_same(command):
    asked = parameters(FUNCTIONS[command])
    for name, default in offered(command).items():
        if name in TERMINAL.get(command, {"json"}):
            continue
        expected = WRITTEN_OUT.get((command, name), default)
        found = str(asked[name].default) if (command, name) in AS_TEXT else asked[name].default
        assert plain(found) == plain(expected), f"{command}({name}=...)"


@pytest.mark.parametrize("function", ["build", "search"])
def test_every_setting_of_a_recipe_is_a_keyword_of_its_kind(function):
    asked = parameters(function)
    kinds = typing.get_type_hints(getattr(edgeprune, function))
    left_out = {*LIMITS, "device"} if function == "search" else set()
    for name, one in SETTINGS.items():
        if name in left_out:
            continue
        assert asked[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert plain(asked[name].default) == plain(one.default), name
        if one.choices:
            assert typing.get_args(kinds[name]) == one.choices, name
        elif one.kind in (bool, int, float, int | None, float | None, str | float | None):
            assert kinds[name] == one.kind, name


def test_prune_has_the_recipe_s_words_and_says_where_it_differs():
    asked, kinds = parameters("prune"), typing.get_type_hints(edgeprune.prune)
    differ = {name for name, one in SETTINGS.items() if name in asked and name != "calibration"
              and plain(asked[name].default) != plain(one.default)}
    # No file is made, so nothing is rounded to what runtimes like.
    assert differ == {"min_width", "round_to"}
    for name in ("criterion", "allocation", "unit"):
        assert typing.get_args(kinds[name]) == SETTINGS[name].choices


@pytest.mark.parametrize("name", [name for name in edgeprune.__all__
                                  if inspect.isfunction(getattr(edgeprune, name))])
def test_no_function_takes_what_it_does_not_name(name):
    found = parameters(name).values()
    assert not [one for one in found if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    assert all(one.annotation is not inspect.Parameter.empty for one in found)


@pytest.mark.parametrize("function", ["build", "search"])
def test_help_says_what_each_keyword_means(function):
    text = getattr(edgeprune, function).__doc__
    lines = [line.strip() for line in text.split("Raises:")[0].splitlines()]
    missing = [name for name in parameters(function) if not any(one.startswith(f"{name}: ") for one in lines)]
    assert missing == []
    assert "--" not in text.replace("``--data``", "")


@pytest.mark.parametrize("function", ["prune", "shrink", "inspect", "bench", "compare", "check", "export",
                                      "write_report", "read_bundle"])
def test_help_says_what_each_argument_means(function):
    text = getattr(edgeprune, function).__doc__
    assert [name for name in parameters(function) if f"\n        {name}: " not in text] == []


@pytest.mark.parametrize("function", ["build", "search", "prune", "shrink", "inspect"])
def test_what_loads_a_model_takes_the_same_switches(function):
    assert {"custom_objects", "trust_model"} <= set(parameters(function))
