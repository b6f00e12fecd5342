"""The final table says what changed, and by how much."""

import dataclasses
from pathlib import Path

import pytest

from edgeprune.report.figures import quality_change, quality_name
from edgeprune.report.read import read_report_file
from edgeprune.report.schema import LatencyReport
from edgeprune.report.table import main_figures, metric_rows, table_rows
from edgeprune.report.verdict import verdict

REPORT = read_report_file(Path(__file__).parent / "golden" / "report_v2.json")


@pytest.mark.parametrize(("size", "p50", "changes"), [
    (1000, 1.0, ["2.0x smaller", "4.0x faster"]), (2000, 4.0, ["1.0x", "1.0x"]),
    (5000, 6.0, ["2.5x larger", "1.5x slower"]), (1000, None, ["2.0x smaller", ""]),
])
def test_costs_are_compared_in_words(size, p50, changes):
    before = dataclasses.replace(REPORT.stages.baseline, tflite_bytes=2000, latency_ms=LatencyReport(4.0))
    after = dataclasses.replace(
        REPORT.stages.deployed, tflite_bytes=size, latency_ms=None if p50 is None else LatencyReport(p50)
    )
    stages = dataclasses.replace(REPORT.stages, baseline=before, deployed=after)
    rows = table_rows(dataclasses.replace(REPORT, stages=stages))
    assert [row[-1] for row in rows[-2:]] == changes


@pytest.mark.parametrize(("metric", "name", "cells"), [
    ("accuracy", "accuracy", ("50.00 %", "51.25 %", "+1.25 points")),
    ("r2", "R²", ("0.500", "0.512", "+0.0125")), ("box/r2", "box R²", ("0.500", "0.512", "+0.0125")),
    ("mean_iou", "mean IoU", ("50.00 %", "51.25 %", "+1.25 points")),
    ("map_50", "mAP@0.5", ("50.00 %", "51.25 %", "+1.25 points")),
    ("f1_macro", "macro F1", ("50.00 %", "51.25 %", "+1.25 points")),
    ("map_50_95", "mAP@[.5:.95]", ("50.00 %", "51.25 %", "+1.25 points")),
    ("ap_50_per_class/3", "AP@0.5 of class 3", ("50.00 %", "51.25 %", "+1.25 points")),
    ("seen/f1_per_class/a/b", "seen F1 of a/b", ("50.00 %", "51.25 %", "+1.25 points")),
    ("mean_absolute_error", "mean absolute error", ("0.5", "0.5125", "+0.0125")),
    ("own_metric", "own_metric", ("0.5", "0.5125", "+0.0125")),
])
def test_a_metric_is_a_percentage_only_where_that_means_something(metric, name, cells):
    before = dataclasses.replace(REPORT.stages.baseline, metrics={metric: 0.5})
    after = dataclasses.replace(REPORT.stages.deployed, metrics={metric: 0.5125})
    stages = dataclasses.replace(REPORT.stages, baseline=before, deployed=after)
    row = table_rows(dataclasses.replace(REPORT, stages=stages))[0]
    assert (row[0], row[1], *row[3:]) == (name, *cells)


@pytest.mark.parametrize(("before", "after", "shown"), [
    ({"map_50": 0.98, "map_50_95": 0.78}, {"map_50": 0.98, "map_50_95": 0.75}, ["map_50", "map_50_95"]),
    ({"map_50": 0.98, "map_50_95": 0.78}, {"map_50": 0.97, "map_50_95": 0.766}, ["map_50"]),
    ({"accuracy": 0.9, "balanced_accuracy": 0.8, "f1_macro": 0.8},
     {"accuracy": 0.91, "balanced_accuracy": 0.7, "f1_macro": 0.75}, ["accuracy", "balanced_accuracy"]),
    ({"word_error_rate": 0.1, "f1_per_class/a": 0.9}, {"word_error_rate": 0.1, "f1_per_class/a": 0.1},
     ["word_error_rate"]),
    ({"r2": 0.9, "mean_absolute_error": 0.1}, {"r2": 0.9, "mean_absolute_error": 0.9}, ["r2"]),
    ({"a/accuracy": 0.9, "b/r2": 0.9, "a/f1_macro": 0.8}, {"a/accuracy": 0.9, "b/r2": 0.8, "a/f1_macro": 0.7},
     ["a/accuracy", "b/r2"]),
    ({"a/accuracy": 0.9, "b/r2": 0.9, "a/f1_macro": 0.8}, {"a/accuracy": 0.9, "b/r2": 0.9, "a/f1_macro": 0.7},
     ["a/accuracy", "b/r2", "a/f1_macro"]),
])
def test_a_metric_that_lost_more_than_the_main_one_is_shown_beside_it(before, after, shown):
    stages = dataclasses.replace(
        REPORT.stages, baseline=dataclasses.replace(REPORT.stages.baseline, metrics=before),
        deployed=dataclasses.replace(REPORT.stages.deployed, metrics=after),
    )
    report = dataclasses.replace(REPORT, stages=stages, change_errors=None)
    assert list(main_figures(report)) == shown
    assert [row[0] for row in table_rows(report)][:len(shown)] == [quality_name(name) for name in shown]
    assert [row[0] for row in metric_rows(report)] == [quality_name(name) for name in before]
    for name in shown:
        words = quality_name(name)
        assert (words if words.startswith("mAP") else words[0].upper() + words[1:]) in verdict(report)


def test_the_change_of_a_value_has_the_digits_that_its_error_lets_count():
    assert quality_change("r2", 0.95301, 0.95032, 0.0009) == "-0.0027 ± 0.0018"
    assert quality_change("mean_absolute_error", 1200.0, 1250.0, 60.0) == "+50 ± 120"
    assert quality_change("mean_absolute_error", 1.0, 1.0, 0.0) == "+0"
    assert quality_name("price/r2_per_column/sq_m") == "price R² of sq_m"


def test_a_gain_in_speed_that_was_measured_badly_is_called_in_doubt():
    stages = REPORT.stages
    shaken = dataclasses.replace(stages.deployed, unstable=("hot: 81 °C",), latency_ms=LatencyReport(1.0))
    quiet = dataclasses.replace(shaken, unstable=())
    before = dataclasses.replace(stages.baseline, latency_ms=LatencyReport(4.0), unstable=())
    for after, words in ((shaken, "4.0x faster (in doubt) and "), (quiet, "4.0x faster and ")):
        made = dataclasses.replace(stages, baseline=before, deployed=after)
        assert verdict(dataclasses.replace(REPORT, stages=made)).startswith(words)


@pytest.mark.parametrize(("metric", "after", "error", "p50", "text"), [
    ("accuracy", 0.495, 0.004, 1.0, "Accuracy 50.00 % -> 49.50 % (-0.50 ± 0.80 points): no clear change."),
    ("accuracy", 0.490, 0.004, 1.0, "Accuracy 50.00 % -> 49.00 % (-1.00 ± 0.80 points): a clear loss."),
    ("accuracy", 0.510, 0.004, 1.0, "Accuracy 50.00 % -> 51.00 % (+1.00 ± 0.80 points): a clear gain."),
    ("mean_absolute_error", 0.6, 0.004, 1.0,
     "Mean absolute error 0.5 -> 0.6 (+0.1000 ± 0.0080): a clear loss."),
    ("accuracy", 0.495, None, 1.0, "Accuracy 50.00 % -> 49.50 % (-0.50 points)."),
])
def test_the_first_sentence_says_what_was_gained_what_it_cost_and_how_sure_that_is(
    metric, after, error, p50, text
):
    first = dataclasses.replace(
        REPORT.stages.baseline, tflite_bytes=2000, latency_ms=LatencyReport(4.0), metrics={metric: 0.5},
        unstable=(),
    )
    last = dataclasses.replace(
        REPORT.stages.deployed, tflite_bytes=1000, latency_ms=LatencyReport(p50), metrics={metric: after},
        unstable=(),
    )
    report = dataclasses.replace(
        REPORT, stages=dataclasses.replace(REPORT.stages, baseline=first, deployed=last),
        change_errors=None if error is None else {metric: error},
    )
    assert verdict(report) == f"4.0x faster and 2.0x smaller. {text}"
