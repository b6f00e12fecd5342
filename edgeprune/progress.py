"""How a long stage tells how far it is. The library only calls; who listens decides what is shown."""

import dataclasses
from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of the stage and the share of it that is done, 0 to 1.

A stage that does several things in turn says which one it is at: ``convert: int8 (2 of 5)``.
"""
TITLES = {
    "open": "open the model", "read": "read the data", "check": "measure the original",
    "train": "train the original", "profile": "measure candidates",
    "fit": "find the widths", "prune": "prune and refit", "fine_tune": "fine-tune",
    "convert": "quantize and verify", "measure": "measure",
}
"""What people call the stages."""


@dataclasses.dataclass(frozen=True)
class Interim:
    """How a build stands."""

    epoch: int  # of fine-tuning; 0 is the model as pruning left it
    metric: float  # the task's own on validation data, a fraction; higher is better
    samples: int  # that the metric was measured on
    params: int
    macs: int


Watch = Callable[[Interim], None]
"""Called after pruning and after each epoch; may raise `GivenUpError`."""


class GivenUpError(Exception):
    """Raised by who watches a build: it is not worth going on, and nothing of it is kept."""


def silent(stage: str, done: float) -> None:
    """Nobody listens."""
    del stage, done


def at(stage: str, what: str, number: int, of: int) -> str:
    """The name of a stage, with what it is at."""
    return f"{stage}: {what} ({number} of {of})"


def stage_and_detail(name: str) -> tuple[str, str]:
    """The bare name of a stage, and what it is at; empty if it does not say."""
    stage, _, detail = name.partition(": ")
    return stage, detail


def part(progress: Progress, stage: str, first: float, last: float) -> Callable[[float], None]:
    """Maps a sub-task's 0 to 1 onto a section of a stage."""
    return lambda done: progress(stage, first + (last - first) * done)
