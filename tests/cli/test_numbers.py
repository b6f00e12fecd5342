"""No option of any command takes a number that cannot be meant."""

from __future__ import annotations

import importlib
import inspect
import typing

import pytest
import typer

from device_runners.options import BenchOptions
from edgeprune.cli import COMMANDS, app
from edgeprune.errors import InputError
from edgeprune.recipe import SETTINGS, recipe

WRONG = ("nan", "inf", "-1", "9" * 400)
TYPED = typer.main.get_command(app)
QUANTITIES = ("--max-size", "--max-latency", "--max-memory", "--min-accuracy", "--max-drop", "--max-macs")
POSITIONAL = {"compare": ["a.tflite", "b.tflite"], "build": [], "search": []}


def numeric_options() -> list[tuple[str, str]]:
    found = []
    for name in COMMANDS:
        command = vars(importlib.import_module(f"edgeprune.cli.{name}"))[name]
        for one in inspect.signature(command, eval_str=True).parameters.values():
            kind = (*typing.get_args(one.annotation), None)[0]
            kinds = set(typing.get_args(kind) or [kind])
            option = "--" + one.name.replace("_", "-")
            if kinds & {int, float} or option in QUANTITIES:
                found.append((name, option))
    return found


OPTIONS = numeric_options()


def test_all_commands_with_numbers_are_there() -> None:
    assert {name for name, _ in OPTIONS} >= {"build", "bench", "compare", "check", "search"}
    assert len(OPTIONS) > 50
    assert ("bench", "--time-limit") in OPTIONS
    assert ("check", "--max-latency") in OPTIONS


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_what_cannot_be_meant_is_wrong_usage(command: str, option: str) -> None:
    for value in WRONG:
        arguments = [command, *POSITIONAL.get(command, ["bundle"]), f"{option}={value}"]
        # Of typer's own kind, which differs by version.
        with pytest.raises(Exception, match=r"\S") as caught:
            TYPED(arguments, standalone_mode=False)
        assert caught.value.exit_code == 2
        message = caught.value.format_message() if hasattr(caught.value, "show") else str(caught.value)
        assert option in message
        assert len(message) < 600


def test_recipes_and_keywords_refuse_the_same() -> None:
    numbers = [one for one in SETTINGS.values() if one.kind in (int, float, float | None)]
    assert all(one.bounds is not None for one in numbers)
    for one in numbers:
        for value in (float("nan"), float("inf"), -1, 10**400):
            with pytest.raises(InputError, match=one.option):
                recipe(**{one.name: value})
    for name in ("min_time_s", "time_limit_s", "lock_wait_s", "runs", "warmup", "threads", "eval_samples"):
        for value in (float("nan"), float("inf"), -1):
            with pytest.raises(InputError, match=name):
                BenchOptions(**{name: value})


@pytest.mark.parametrize("text", ["prune=nan", "prune=inf", "epochs=-1", "learning_rate=1e999"])
def test_values_to_vary(text: str) -> None:
    with pytest.raises(InputError, match="--"):
        TYPED(["search", "--vary", text], standalone_mode=False)


def test_ratios_by_pattern() -> None:
    for share in ("nan", "inf", "-1", "1"):
        with pytest.raises(InputError, match="--ratio"):
            TYPED(["build", "--ratio", f"conv*={share}"], standalone_mode=False)
