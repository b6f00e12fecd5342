"""The check as GitHub annotations: workflow commands on stdout, one a row that fails.

Format: docs.github.com, "Workflow commands for GitHub Actions"; data escapes %, CR and LF, properties
also colon and comma.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeprune.gate.result import CheckResult
from edgeprune.gate.rows import rows


def annotation_lines(result: CheckResult) -> Iterator[str]:
    """Lines for stdout; a warning for each reason to doubt a figure."""
    for row in rows(result):
        if row.failed:
            yield f"::error title={_property(f'edgeprune check: {row.name}')}::{_data(row.message)}"
    for note in result.notes:
        yield f"::warning title=edgeprune check::{_data(note)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
