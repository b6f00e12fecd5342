from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from edgeprune.gate.formats import annotation_lines, junit, markdown
from edgeprune.gate.result import CheckResult, Judgement, Past, Status, VerifiedPart

HOSTILE = 'a|b<script>"x"&\x00\x1b[31m]]>\r\n::error::%0A`*_'
PAST = (Past("v1", 6.0), Past("v0", 4.0))


@pytest.fixture
def result():
    return CheckResult(
        f"bundle {HOSTILE}",
        (
            Judgement("max-size", Status.HELD, 1000.0, 900.0, "model.tflite"),
            Judgement("max-latency", Status.BROKEN, 5.0, 7.5, "p50", HOSTILE, past=PAST),
            Judgement("max-memory", Status.UNMEASURED, 10.0, reason=HOSTILE, device="local"),
        ),
        (VerifiedPart("seal", Status.HELD), VerifiedPart("samples", Status.UNMEASURED, HOSTILE)),
        (f"unstable: {HOSTILE}",),
    )


def test_junit_parses_and_counts(result):
    suite = ET.fromstring(junit(result)).find("testsuite")  # noqa: S314  (our own text)
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5", "failures": "1", "errors": "1", "skipped": "1"
    }
    cases = suite.findall("testcase")
    assert len(cases) == 5
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "7.500 ms" in failure.attrib["message"]
    assert "broken since v1" in failure.attrib["message"]


def test_markdown_shows_what_was_written(result):
    lines = markdown(result).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 5
    # Four cells a row, whatever the names hold.
    assert {line.replace("\\|", "").count("|") for line in table} == {5}
    assert "<script>" not in markdown(result).replace("\\<", "")
    assert lines[0].startswith("### edgeprune check failed")


def test_annotations_stay_one_line_each(result):
    lines = list(annotation_lines(result))
    assert len(lines) == 3  # broken, unmeasured, and the note
    assert not [line for line in lines if "\n" in line or "\r" in line]
    assert all(line.startswith(("::error title=", "::warning title=")) for line in lines)
    title = lines[0].removeprefix("::error title=").partition("::")[0]
    assert ":" not in title
    assert "," not in title
