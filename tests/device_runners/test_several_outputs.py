"""Every output is measured on the device that runs the file, and the gate limits each by its name there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import edgeprune
from device_runners import BenchOptions, bench
from edgeprune.gate import Limits, Status, check
from tests.pipeline.test_reading import linear, samples

if TYPE_CHECKING:
    from edgeprune.bundle import Bundle
    from tests.device_runners.testbeds.beds import Bed

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("devices")]

QUICK = BenchOptions(min_time_s=0.2, runs=10, time_limit_s=200.0)


@pytest.fixture(scope="module")
def class_and_box(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A class, and a value that stands for a box, pruned by half."""
    x, y, total = samples(600)
    return edgeprune.build(
        linear(("class", "total")), {"x": x, "y_class": y, "y_total": total}, calibration=128, epochs=1,
        out=tmp_path_factory.mktemp("class_and_box") / "out", min_width=4, round_to=1,
    )


def test_an_emulated_pi_measures_each_output(pi64: Bed, class_and_box: Bundle) -> None:
    record = bench(class_and_box, pi64.device, QUICK)
    assert record.facts.arch == "aarch64"
    report = json.loads(class_and_box.file("report.json").read_text())
    assert {"class/accuracy", "total/r2", "total/mean_absolute_error"} <= set(record.metrics)
    assert record.metrics == pytest.approx(report["stages"]["deployed"]["on_eval"]["metrics"], abs=1e-6)
    with np.load(class_and_box.file("eval.npz")) as kept:
        counts = {len(kept[name]) for name in kept.files if name.startswith(("x", "y"))}
    assert counts == {record.samples}
    assert not pi64.leftovers()


def test_limits_by_name_hold_and_break_by_what_the_device_measured(pi64: Bed, class_and_box: Bundle) -> None:
    limits = Limits.parse(
        minimum=["class/accuracy=90", "total/r2=0.999999"], max_drop=["class/accuracy=2", "total/r2=2"]
    )
    judged = check(class_and_box.path, limits, devices=[pi64.device], options=QUICK).judgements
    assert {one.limit: one.status for one in judged} == {
        "min class/accuracy": Status.HELD, "min total/r2": Status.BROKEN,
        "max-drop class/accuracy": Status.HELD, "max-drop total/r2": Status.HELD,
    }
