"""What the terminal says about quantization."""

import dataclasses
from pathlib import Path

from edgeprune import jsonable
from edgeprune.report import quantization
from edgeprune.report.read import read_report_file
from edgeprune.report.schema import QuantizationReport
from tests.report import rich

REPORT = read_report_file(Path(__file__).parent / "golden" / "report_v2.json")


def lines(limit, **made):
    made = jsonable.decode(QuantizationReport, {"mode": "int8", "route": "tensorflow", **made}, "made")
    recipe = {"max_quantization_drop": limit}
    return list(quantization.lines(dataclasses.replace(REPORT, recipe=recipe, quantization=made)))


def reported(limit):
    report = {"quantization": {}}
    rich.enrich(report)
    made = report["quantization"]
    made["layer_errors"].sort(key=lambda one: -one["relative_error"])
    return lines(limit, **made)


def test_worst_layers_are_named_first():
    said = reported(2.0)[0]
    assert said.startswith("Quantized to int8 by tensorflow. Its largest errors are in the layers conv_1 5")


def test_recovery_is_told_with_its_cost():
    lines = reported(0.5)
    assert lines[1].startswith("Plain quantization lost more than 0.5 points")
    assert lines[2:] == [
        "  int8 (tensorflow): 4.0 kB, 20.0 µs, points lost: 1.25",
        "  bias correction (tensorflow, conv): 4.1 kB, 21.0 µs, points lost: 0.25; shipped",
    ]


STEP = {"name": "int8", "route": "tensorflow", "runnable_bytes": 4000, "latency_us": 20.0, "drop_points": 0.0}


def told(*steps):
    return lines(0.5, steps=list(steps))


def test_without_labels_the_long_run_decides():
    first = STEP | {"drop_points": 0.33, "likely_points": 1.05, "chosen": False}
    last = STEP | {"likely_points": 0.21, "name": "bias correction", "chosen": True}
    _, why, one, other = told(first, last)
    assert why == "Plain quantization is likely to lose more than 0.5 points on validation data. Tried:"
    assert one == "  int8 (tensorflow): 4.0 kB, 20.0 µs, points lost: 0.33 (likely 1.05)"
    assert other.endswith("4.0 kB, 20.0 µs, points lost: 0.00 (likely 0.21); shipped")


def test_a_faster_form_is_explained():
    form = STEP | {"name": "int8, float where that is slow", "detail": "no fast int8 kernel for DIV"}
    said = told(STEP | {"chosen": False, "verdict": "slower"}, form | {"chosen": True})
    told_why = "Of the files that keep the quality, the one with the best size and latency ships."
    assert said[1] == f"{told_why} Tried:"
    assert said[2].endswith("20.0 µs, points lost: 0.00; slower")
    assert said[3].startswith("  int8, float where that is slow (tensorflow, no fast int8 kernel for DIV): ")
    assert said[3].endswith("; shipped")
