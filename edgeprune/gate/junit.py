"""The check as JUnit XML, which every CI server shows: one test case a row.

A broken limit is a failure, one that could not be measured an error, a part of the verification that the
bundle gives no means for is skipped.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from edgeprune.gate.result import CheckResult, Status
from edgeprune.gate.rows import rows

_SUITE = "edgeprune check"
# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(result: CheckResult) -> str:
    """The document, as text."""
    suite = ET.Element("testsuite", name=_SUITE)
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for row in rows(result):
        case = ET.SubElement(suite, "testcase", classname=_clean(result.bundle), name=_clean(row.name))
        counts["tests"] += 1
        if row.status is Status.HELD:
            ET.SubElement(case, "system-out").text = _clean(row.message)
            continue
        kind = "failure" if row.status is Status.BROKEN else "error" if row.failed else "skipped"
        counts[{"failure": "failures", "error": "errors", "skipped": "skipped"}[kind]] += 1
        ET.SubElement(case, kind, message=_clean(row.message))
    suite.attrib.update({name: str(number) for name, number in counts.items()})
    if result.notes:
        ET.SubElement(suite, "system-out").text = _clean("\n".join(result.notes))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
