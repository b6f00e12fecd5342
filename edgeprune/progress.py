"""How a long stage tells how far it is. The library only calls; who listens decides what is shown."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of the stage and the share of it that is done, 0 to 1."""


def silent(stage: str, done: float) -> None:
    """Nobody listens."""
    del stage, done


def part(progress: Progress, stage: str, first: float, last: float) -> Callable[[float], None]:
    """Maps a sub-task's 0 to 1 onto a section of a stage."""

    def report(done: float) -> None:
        progress(stage, first + (last - first) * done)

    return report
