"""What was decided about the user's data and model before anything is trained, for people to check.

A wrong guess here makes every figure that follows wrong, so each one is written down: in the terminal before
training begins, in ``report.json``, and on the page.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

DecisionSubject = Literal[
    "samples", "source", "skipped", "labels", "preprocessing", "loss", "metric", "warning", "resumed"
]
"""What was decided:

    samples        how many each split has, and how those that were missing were drawn
    source         what in the source was taken for what: columns, sizes, vocabularies
    skipped        files, columns or arrays that are not used
    labels         how labels were read, where that is not plain
    preprocessing  how samples reach the model's input
    loss, metric   what training aims at, and what the result is judged by
    warning        a reason to doubt the model or the data
    resumed        what an interrupted build had done already
"""


@dataclasses.dataclass(frozen=True)
class ReadingDecision:
    """One decision: what was chosen, in words, and why where there is more to say."""

    subject: str  # a `DecisionSubject`; a report of a later version may have others
    choice: str
    why: str = ""

    @property
    def sentence(self) -> str:
        """Both together."""
        return f"{self.choice} {self.why}".strip()


Announce = Callable[[Sequence[ReadingDecision]], None]
"""Told once, before training begins, what was decided."""


def unheard(decisions: Sequence[ReadingDecision]) -> None:
    """Nobody listens."""
    del decisions


def decided(subject: DecisionSubject, choices: Iterable[str]) -> tuple[ReadingDecision, ...]:
    """One decision for each sentence; empty ones say nothing."""
    return tuple(ReadingDecision(subject, choice) for choice in choices if choice)


def sizes(counts: Mapping[str, int], drawn: Iterable[str] = ()) -> ReadingDecision:
    """How many samples each split has; `drawn` are sentences on those that the source did not have."""
    listed = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    return ReadingDecision("samples", f"{listed}.", " ".join(drawn))


def lines_of(decisions: Iterable[ReadingDecision]) -> list[tuple[str, str]]:
    """(subject, choices) in one line for each subject, in the order in which they first appear."""
    lines: dict[str, list[str]] = {}
    for one in decisions:
        lines.setdefault(one.subject, []).append(one.choice)
    return [(subject, " ".join(choices)) for subject, choices in lines.items()]
