"""What a sweep found: its finished trials, and which of them no other one beats."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from edgeprune.sweep.trial import Outcome

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize", "size": "minimize", "memory": "minimize"}
SCHEMA_VERSION = 1
_STEP = {"latency": 0.05, "memory": 0.01}
"""Measured figures are compared in steps of so much: what noise can make is no reason to be on the front."""


@dataclasses.dataclass(frozen=True)
class Done:
    """One finished trial.

    Attributes:
        slot: its number.
        settings: what it varied.
        figures: see `edgeprune.sweep.trial.Outcome`; empty if there is no model.
        metric: what ``accuracy`` is, in the task's own name.
        error: why there is no model.
        stopped: whether that is because it was not worth going on with.
        place: where it was measured.
        hardware: of that place.
        unstable: why that measurement is in doubt.
        bundle: where it is, as HOST:FOLDER, while it is on the front.
        optimal: whether no other is at least as good in every objective and better in one.
    """

    slot: int
    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    metric: str = ""
    error: str = ""
    stopped: bool = False
    place: str = ""
    hardware: str = ""
    unstable: tuple[str, ...] = ()
    bundle: str = ""
    optimal: bool = False

    @classmethod
    def of(cls, slot: int, settings: Mapping[str, Any], outcome: Outcome) -> Done:
        """What is kept of an outcome."""
        return cls(
            slot, dict(settings), outcome.figures, outcome.metric, outcome.error, outcome.stopped,
            outcome.place, outcome.hardware, outcome.unstable, outcome.bundle,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Front:
    """The outcome of a sweep.

    Attributes:
        objectives: names.
        trials: all that are finished.
        notes: what the user has to know.
    """

    objectives: tuple[str, ...]
    trials: tuple[Done, ...]
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def optimal(self) -> tuple[Done, ...]:
        """The Pareto front."""
        return tuple(one for one in self.trials if one.optimal)


def marked(objectives: Sequence[str], trials: Sequence[Done]) -> tuple[Done, ...]:
    """The trials, the Pareto front marked."""
    points = [_point(objectives, one) for one in trials]
    return tuple(
        dataclasses.replace(one, optimal=True)
        if point is not None and not _beaten(point, points)
        else dataclasses.replace(one, bundle="")
        for one, point in zip(trials, points, strict=True)
    )


def _point(objectives: Sequence[str], done: Done) -> tuple[float, ...] | None:
    """Its figures, so that smaller is better."""
    if done.error:
        return None
    signs = [1 if OBJECTIVES[name] == "minimize" else -1 for name in objectives]
    return tuple(
        sign * _stepped(name, done.figures[name]) for sign, name in zip(signs, objectives, strict=True)
    )


def _stepped(name: str, value: float) -> float:
    """A grid, not a tolerance: who is beaten once then stays beaten, whoever comes later."""
    return round(math.log(value) / math.log1p(_STEP[name])) if name in _STEP and value > 0 else value


def _beaten(point: Sequence[float], others: Sequence[Sequence[float] | None]) -> bool:
    """Whether some other is nowhere worse and somewhere better."""
    return any(
        other is not None and other != point and all(a <= b for a, b in zip(other, point, strict=True))
        for other in others
    )
