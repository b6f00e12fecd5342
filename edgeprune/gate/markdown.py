"""The check as Markdown, for a pull request or GitHub's job summary."""

from __future__ import annotations

import re

from edgeprune.gate.result import CheckResult, Status
from edgeprune.gate.rows import rows

_MARKS = {Status.HELD: "✅", Status.BROKEN: "❌", Status.UNMEASURED: "❓"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~!&])")


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
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
