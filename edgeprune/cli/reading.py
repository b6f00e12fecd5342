"""The block in the terminal that says, before training begins, how the user's data was read."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.cli.output import say
from edgeprune.data.decisions import ReadingDecision, lines_of


def say_reading(decisions: Sequence[ReadingDecision]) -> None:
    """One line for each subject; the reasons stand in the report."""
    say("Reading your data")
    for subject, choices in lines_of(decisions):
        say(f"{subject:>15}  {choices}")
