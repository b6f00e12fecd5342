"""What a sweep found: its finished trials, and their Pareto front."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from edgeprune.sweep.trial import NumberedTrial, Outcome, TrialSummary

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize", "size": "minimize", "memory": "minimize"}
SCHEMA_VERSION = 1
_STEP = {"latency": 0.05, "memory": 0.01}
"""Relative step in which measured figures are compared, so that noise puts no trial on the front."""


@dataclasses.dataclass(frozen=True)
class TrialResult(TrialSummary, NumberedTrial):
    """One finished trial, with what it varied; its bundle is kept while it is on the front.

    It is optimal if no other one is at least as good in every objective and better in one.
    """

    optimal: bool = False

    @classmethod
    def of(cls, number: int, settings: Mapping[str, object], outcome: Outcome) -> "TrialResult":
        """What is kept of an outcome."""
        summary = {one.name: getattr(outcome, one.name) for one in dataclasses.fields(TrialSummary)}
        return cls(number, dict(settings), **summary)


@dataclasses.dataclass(frozen=True)
class Front:
    """The outcome of a sweep: all finished trials, and what the user has to know."""

    objectives: tuple[str, ...]
    trials: tuple[TrialResult, ...]
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def optimal(self) -> tuple[TrialResult, ...]:
        """The Pareto front."""
        return tuple(one for one in self.trials if one.optimal)


def mark_front(objectives: Sequence[str], trials: Sequence[TrialResult]) -> tuple[TrialResult, ...]:
    """The trials, those of the Pareto front marked as optimal."""
    points = [_point(objectives, one) for one in trials]
    return tuple(
        dataclasses.replace(one, optimal=True)
        if point is not None and not _is_dominated(point, points)
        else dataclasses.replace(one, bundle="")
        for one, point in zip(trials, points, strict=True)
    )


def _point(objectives: Sequence[str], done: TrialResult) -> tuple[float, ...] | None:
    """Its figures, so that smaller is better."""
    if done.error:
        return None
    signs = [1 if OBJECTIVES[name] == "minimize" else -1 for name in objectives]
    return tuple(sign * _rounded(one, done.figures[one]) for sign, one in zip(signs, objectives, strict=True))


def _rounded(name: str, value: float) -> float:
    """A grid, not a tolerance: a dominated trial stays dominated, whichever comes later."""
    return round(math.log(value) / math.log1p(_STEP[name])) if name in _STEP and value > 0 else value


def _is_dominated(point: Sequence[float], others: Sequence[Sequence[float] | None]) -> bool:
    """Whether another one is nowhere worse and somewhere better."""
    return any(
        other is not None and other != point and all(a <= b for a, b in zip(other, point, strict=True))
        for other in others
    )
