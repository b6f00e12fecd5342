"""Limits of single metrics by name: each holds and breaks by itself, in the unit of the final table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edgeprune.cli import app
from edgeprune.errors import InputError
from edgeprune.gate import Limits, Status, check, read_limits
from edgeprune.gate.result import Judgement
from tests.gate.edit import edit_report

BASELINE = {
    "accuracy": 0.99, "class/accuracy": 0.975, "class/f1_per_class/traffic light": 0.9, "box/r2": 0.84,
    "box/mean_absolute_error": 2.5,
}
DEPLOYED = {
    "accuracy": 0.98, "class/accuracy": 0.97, "class/f1_per_class/traffic light": 0.8, "box/r2": 0.80,
    "box/mean_absolute_error": 2.75,
}


@pytest.fixture
def two_outputs(bundle: Path) -> Path:
    """The bundle, with figures of two outputs in its report."""
    def change(report: Any) -> None:
        report["stages"]["baseline"]["metrics"] = BASELINE
        report["stages"]["deployed"]["metrics"] = DEPLOYED

    edit_report(bundle, change)
    return bundle


def one(bundle: Path, **limits: Any) -> Judgement:
    (found,) = check(bundle, Limits.parse(**limits)).judgements
    return found


@pytest.mark.parametrize(("option", "held", "broken", "found"), [
    ("minimum", "class/accuracy=97", "class/accuracy=97.1", 0.97),
    ("minimum", "class/accuracy=97%", "class/accuracy=97.1%", 0.97),
    ("minimum", "class/accuracy=0.97", "class/accuracy=0.971", 0.97),
    ("minimum", "box/r2=0.8", "box/r2=0.81", 0.8), ("minimum", "box/r2=80%", "box/r2=81%", 0.8),
    ("minimum", "class/f1_per_class/traffic light=80", "class/f1_per_class/traffic light=81", 0.8),
    ("maximum", "box/mean_absolute_error=2.75", "box/mean_absolute_error=2.74", 2.75),
    ("max_drop", "class/accuracy=0.5", "class/accuracy=0.49", 0.5),
    ("max_drop", "box/r2=4", "box/r2=3.9", 4.0),
    ("max_drop", "box/mean_absolute_error=0.25", "box/mean_absolute_error=0.24", 0.25),
])
def test_each_metric_holds_at_its_limit_and_breaks_just_beyond(two_outputs, option, held, broken, found):
    holds, breaks = one(two_outputs, **{option: held}), one(two_outputs, **{option: broken})
    assert (holds.status, breaks.status) == (Status.HELD, Status.BROKEN)
    assert breaks.found == pytest.approx(found, abs=1e-9)
    assert breaks.sentence().startswith(breaks.limit)
    assert broken.rpartition("=")[0] in breaks.limit


def test_several_metrics_and_the_plain_limit_stand_beside_each_other(two_outputs):
    limits = Limits.parse(max_drop=["50", "box/r2=4", "class/accuracy=0.1"], minimum=["class/accuracy=90"])
    found = {one.limit: one.status for one in check(two_outputs, limits).judgements}
    assert found == {
        "max-drop": Status.HELD, "min class/accuracy": Status.HELD, "max-drop box/r2": Status.HELD,
        "max-drop class/accuracy": Status.BROKEN,
    }
    stricter = Limits.parse(max_drop="box/r2=1").over(limits)
    assert stricter.metrics == {**limits.metrics, "max-drop box/r2": 1.0}
    assert stricter.max_drop_points == 50


@pytest.mark.parametrize(("limits", "message"), [
    ({"minimum": "clas/accuracy=90"}, r"no metric 'clas/accuracy'.*class/accuracy, .*Did you mean"),
    ({"max_drop": "iou=1"}, r"no metric 'iou'.*box/r2.*Use one of these names"),
    ({"minimum": "class/accuracy"}, "NAME=VALUE"), ({"minimum": "=3"}, "NAME=VALUE"),
    ({"minimum": "class/accuracy=101"}, "cannot be 101"), ({"minimum": "box/r2=90"}, "r2 cannot be 90"),
    ({"minimum": "class/accuracy=nan"}, "finite"), ({"maximum": "box/mean_absolute_error=x"}, "finite"),
    ({"maximum": "class/accuracy=90"}, r"better when it is higher.*--min"),
    ({"minimum": "box/mean_absolute_error=3"}, r"better when it is lower.*--max"),
    ({"max_drop": ["1", "2"]}, "2 times"), ({"max_drop": "class/accuracy=-1"}, "points"),
    ({"max_drop": "box/mean_absolute_error=-1"}, "0 or more"),
])
def test_what_cannot_be_meant_is_refused(two_outputs, limits, message):
    with pytest.raises(InputError, match=message):
        check(two_outputs, Limits.parse(**limits))


def test_the_recipe_s_table(tmp_path):
    recipe = tmp_path / "edgeprune.toml"
    recipe.write_text(
        '[limits]\nmax_drop = [50, "box/r2=4"]\nmin = {"class/accuracy" = 90}\n'
        'max = {"box/mean_absolute_error" = 2.0}\n'
    )
    asked = read_limits(recipe).limits
    assert asked.max_drop_points == 50
    assert asked.metrics == {
        "min class/accuracy": 0.9, "max box/mean_absolute_error": 2.0, "max-drop box/r2": 4.0
    }
    recipe.write_text('[limits]\nmax_drop = {"class/accuracy" = 1}\n')
    assert read_limits(recipe).limits == Limits(metrics={"max-drop class/accuracy": 1.0})
    recipe.write_text("[limits]\nmin = 3\n")
    with pytest.raises(InputError, match=r"edgeprune.toml: min"):
        read_limits(recipe)


def test_the_command_line(two_outputs):
    def run(*options: str) -> Any:
        return CliRunner().invoke(app, ["check", str(two_outputs), *options])

    passed = run("--min", "class/accuracy=90", "--max-drop", "box/r2=4", "--max-drop", "60")
    assert passed.exit_code == 0, passed.output
    assert "min class/accuracy: 97.00 % (report.json), at least 90.00 % allowed" in passed.output
    assert "max-drop box/r2: 4.00 points (against the original), at most 4.00 points allowed" in passed.output
    assert type(run("--min", "class/accuracy=98").exception).__name__ == "VerificationError"


def test_on_a_device_each_metric_is_measured_there(true_bundle):
    result = check(
        true_bundle, Limits.parse(minimum="accuracy=1%", max_drop="accuracy=100"), devices=["local"]
    )
    assert [one.device for one in result.judgements] == ["local", "local"]
    assert all(one.status is Status.HELD for one in result.judgements)
    assert "16 samples" in result.judgements[0].source
