"""What speaks against a figure, apart from what is merely good to know."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edgeprune.data.decisions import ReadingDecision
from edgeprune.report.doubts import notes_of, of_timings, warnings_of
from edgeprune.report.read import read_report_file
from edgeprune.report.schema import QUALITY, SPEED, StageReport, WarningReport

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_an_older_report_notes_is_not_lost_among_the_harmless(path):
    report = read_report_file(path)
    assert report.warnings is None
    assert {one.text for one in warnings_of(report)} >= set(report.notes)
    assert not notes_of(report)


def test_a_report_of_today_tells_them_apart():
    old = read_report_file(GOLDEN[0])
    mine = WarningReport("The file is slower than the original.", SPEED)
    report = dataclasses.replace(old, notes=("Two layers share weights.",), warnings=(mine,))
    assert warnings_of(report) == (mine,)
    assert notes_of(report) == ("Two layers share weights.",)


def test_doubts_of_an_older_report_are_about_what_they_concern():
    old = read_report_file(GOLDEN[0])
    doubt = ReadingDecision("warning", "No test sample is of class 'ship'.", "It is not measured.")
    data = dataclasses.replace(old.data, decisions=(ReadingDecision("loss", "mse."), doubt))
    found = warnings_of(dataclasses.replace(old, data=data))
    assert found[0] == WarningReport("No test sample is of class 'ship'. It is not measured.", QUALITY)


def test_the_same_reason_to_doubt_timings_is_told_once_with_its_stages():
    def stage(*unstable):
        return StageReport(1, 1, 1, 1, unstable=unstable)

    stages = {"baseline": stage("hot: 81 °C"), "pruned": stage(), "deployed": stage("hot: 82 °C", "drift")}
    (found,) = of_timings(stages)
    assert "hot: 81 °C (original, deployed); drift (deployed)" in found.text
    assert found.about == SPEED
    assert not list(of_timings({"baseline": stage()}))
