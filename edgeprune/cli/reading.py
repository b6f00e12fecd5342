"""The block in the terminal that says, before training begins, how the user's data was read."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.cli.output import say
from edgeprune.data.decisions import ReadingDecision, lines_of

_APART = ("warning", "resumed")


def say_reading(decisions: Sequence[ReadingDecision]) -> None:
    """One line for each subject, whose reasons stand in the report; then what to know before it goes on."""
    if lines := lines_of(one for one in decisions if one.subject not in _APART):
        say("Reading your data")
    for subject, choices in lines:
        say(f"{subject:>15}  {choices}")
    for one in decisions:
        if one.subject in _APART:
            say(f"Warning: {one.sentence}" if one.subject == "warning" else one.sentence)
