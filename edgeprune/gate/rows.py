"""One table of what was checked, which every output format writes in its own way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from edgeprune.gate.result import CheckResult, Status


@dataclasses.dataclass(frozen=True)
class CheckedRow:
    """A limit, or a part of the verification.

    Attributes:
        name: unique in its check.
        found: for people; empty when unmeasured.
        allowed: for people; empty for a verification.
        message: one sentence.
        failed: whether it makes the check fail.
    """

    name: str
    status: Status
    found: str
    allowed: str
    message: str
    failed: bool


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
        yield CheckedRow(
            judgement.name, judgement.status, found, allowed, judgement.sentence(),
            judgement.status is not Status.HELD,
        )
