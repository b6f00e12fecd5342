"""The end of a build in the terminal: verdict, limits, warnings, table; the rest on demand."""

from __future__ import annotations

import dataclasses

import pytest

from edgeprune.bundle import read_bundle
from edgeprune.cli.summary import say_summary
from edgeprune.gate.recipe_limits import has_limits, read_limits
from edgeprune.gate.verdicts import limit_verdicts
from edgeprune.report.read import read_report
from edgeprune.report.schema import SPEED, WarningReport
from edgeprune.report.verdict import LimitVerdict, verdict
from tests.gate.samples import make_bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("summary"))


@pytest.fixture
def report(folder):
    found = read_report(read_bundle(folder))
    slow = WarningReport("The deployed model is not faster.", SPEED)
    return dataclasses.replace(found, warnings=(slow,), notes=("Two layers share weights.",))


def printed(capsys, report, *, verbose=False, limits=()):
    say_summary(report, "build/my model", limits, explain=False, verbose=verbose)
    return capsys.readouterr().out.splitlines()


def test_the_verdict_is_first_and_warnings_stand_before_the_table(report, capsys):
    lines = printed(capsys, report)
    assert lines[:3] == ["", verdict(report), "Warning: The deployed model is not faster."]
    assert "tiny on noise" in lines[3]
    assert lines[-3:] == [
        "1 note on how it was built: --verbose, or the page.", "Bundle: build/my model",
        "  Page: edgeprune report 'build/my model'",
    ]
    assert not any("share weights" in line for line in lines)
    assert any("share weights" in line for line in printed(capsys, report, verbose=True))


def test_a_broken_limit_is_in_the_verdict_and_has_its_line(report, capsys):
    size = LimitVerdict("max-size", held=False, sentence="max-size: 9 kB, at most 1 kB allowed.")
    held = LimitVerdict("max-drop", held=True, sentence="max-drop: 0 points, at most 1 allowed.")
    lines = printed(capsys, report, limits=(size, held))
    assert lines[1].endswith("1 of 2 limits is broken.")
    assert lines[2] == "Limit broken: max-size: 9 kB, at most 1 kB allowed."
    assert printed(capsys, report, limits=(held,))[1].endswith("The limit max-drop is met.")
    assert printed(capsys, report, limits=(size,))[1].endswith("The limit max-size is broken.")
    assert printed(capsys, report, limits=(held, held))[1].endswith("All 2 limits are met.")


def test_the_limits_of_a_recipe_are_those_of_check(folder, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('prune = 0.5\n[limits]\nmax_size = "1kB"\nmax_drop = 50\n')
    assert has_limits(recipe)
    found = limit_verdicts(folder, read_limits(recipe))
    assert [(one.limit, one.held) for one in found] == [("max-size", False), ("max-drop", True)]
    assert "at most 1.0 kB allowed" in found[0].sentence
    recipe.write_text("prune = 0.5\n")
    assert not has_limits(recipe)
