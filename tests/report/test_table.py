"""The final table says what changed, and by how much."""

import dataclasses
from pathlib import Path

import pytest

from edgeprune.report.read import read_report_file
from edgeprune.report.schema import LatencyReport
from edgeprune.report.table import table_rows

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
