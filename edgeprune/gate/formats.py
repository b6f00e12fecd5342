"""A check's result as other programs read it: GitHub annotations, JUnit XML, Markdown; one row, one entry.

GitHub: workflow commands on stdout (docs.github.com, "Workflow commands for GitHub Actions"): data escapes
%, properties also colon and comma; `plain` leaves neither CR nor LF. JUnit: a broken limit is a failure, one
that could not be measured an error; a part of the verification that the bundle has nothing for is skipped.
"""

import dataclasses
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from edgeprune.errors import plain
from edgeprune.gate.result import CheckResult, Status

_MARKS = {Status.HELD: "✅", Status.BROKEN: "❌", Status.UNMEASURED: "❓"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~!&])")


@dataclasses.dataclass(frozen=True)
class CheckedRow:
    """A limit, or a part of the verification."""

    name: str  # unique in its check
    status: Status
    found: str  # for people; empty when unmeasured
    allowed: str  # for people; empty for a verification
    message: str  # one sentence
    failed: bool  # whether it makes the check fail


def rows(result: CheckResult) -> Iterator[CheckedRow]:
    """All rows, verification first."""
    for finding in result.verification:
        status = finding.status
        text = {Status.HELD: "fine", Status.BROKEN: "refused", Status.UNMEASURED: "not checked"}[status]
        message = f"{finding.part}: {finding.detail or 'fine.'}"
        yield CheckedRow(f"verify: {finding.part}", status, text, "", message, status is Status.BROKEN)
    for judgement in result.judgements:
        show = judgement.row.show
        found = "" if judgement.found is None else show(judgement.found)
        allowed = ("at most " if judgement.row.upper else "at least ") + show(judgement.allowed)
        status, message = judgement.status, judgement.sentence()
        yield CheckedRow(judgement.name, status, found, allowed, message, status is not Status.HELD)


def annotation_lines(result: CheckResult) -> Iterator[str]:
    """Lines for stdout; a warning for each reason to doubt a figure."""
    for row in rows(result):
        if row.failed:
            title = _data(f"edgeprune check: {row.name}").replace(":", "%3A").replace(",", "%2C")
            yield f"::error title={title}::{_data(row.message)}"
    for note in result.notes:
        yield f"::warning title=edgeprune check::{_data(note)}"


def _data(text: str) -> str:
    return plain(text).replace("%", "%25")


def junit(result: CheckResult) -> str:
    """The document, as text."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", name="edgeprune check")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for row in rows(result):
        case = ET.SubElement(suite, "testcase", classname=plain(result.bundle), name=plain(row.name))
        counts["tests"] += 1
        if row.status is Status.HELD:
            ET.SubElement(case, "system-out").text = plain(row.message)
            continue
        kind = "failure" if row.status is Status.BROKEN else "error" if row.failed else "skipped"
        counts[{"failure": "failures", "error": "errors", "skipped": "skipped"}[kind]] += 1
        ET.SubElement(case, kind, message=plain(row.message))
    suite.attrib.update({name: str(number) for name, number in counts.items()})
    if result.notes:
        ET.SubElement(suite, "system-out").text = "\n".join(map(plain, result.notes))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"




def markdown(result: CheckResult) -> str:
    """A heading, a table and a sentence for each row that fails."""
    table = list(rows(result))
    verdict = "passed" if result.passed else "failed"
    lines = [
        f"### edgeprune check {verdict}: {_plain(result.bundle)}", "",
        "| | check | found | allowed |", "|---|---|---:|---:|",
    ]
    lines += [
        f"| {_MARKS[row.status]} | {_plain(row.name)} | {_plain(row.found)} | {_plain(row.allowed)} |"
        for row in table
    ]
    messages = [*(row.message for row in table if row.failed), *result.notes]
    lines += ["", *(f"- {_plain(message)}" for message in messages)] if messages else []
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that means itself: names come from the bundle and from devices."""
    return _SPECIAL.sub(r"\\\1", plain(" ".join(text.split())))
