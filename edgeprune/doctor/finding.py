"""One thing that was looked at."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class State(str, enum.Enum):
    """How it is. Only `BROKEN` keeps a build from running."""

    FINE = "fine"
    MISSING = "missing"  # something optional
    DOUBTFUL = "doubtful"
    BROKEN = "broken"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        name: of what was looked at.
        found: a version, a place, an amount, or what is wrong.
        fix: what to do; empty when all is well.
    """

    name: str
    state: State
    found: str
    fix: str = ""


def fit_to_build(findings: Iterable[Finding]) -> bool:
    """Whether a build can run."""
    return not any(finding.state is State.BROKEN for finding in findings)
