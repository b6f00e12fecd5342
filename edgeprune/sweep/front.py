"""What a sweep found: its finished trials, and their Pareto front."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.html_table import html_table
from edgeprune.sweep.trial import NumberedTrial, Outcome, TrialSummary
from edgeprune.tasks.figure_names import metric_of

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize", "size": "minimize", "memory": "minimize"}
SCHEMA_VERSION = 1
FRONT = "front.json"
_LONGEST_TEXT = 20_000
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


@dataclasses.dataclass(frozen=True, repr=False)
class Front:
    """The outcome of a sweep: all finished trials, and what the user has to know."""

    objectives: tuple[str, ...]
    trials: tuple[TrialResult, ...]
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def __repr__(self) -> str:
        what = ", ".join(self.objectives)
        return f"<Front: {len(self.optimal)} of {len(self.trials)} trials that no other one beats in {what}>"

    def _repr_html_(self) -> str:
        rows = [
            (one.number, *(f"{one.figures.get(name, math.nan):.4g}" for name in self.objectives),
             " ".join(f"{name}={value}" for name, value in one.settings.items()), one.bundle)
            for one in self.optimal
        ]
        return html_table(repr(self)[1:-1], ("trial", *self.objectives, "settings", "bundle"), rows)

    @property
    def optimal(self) -> tuple[TrialResult, ...]:
        """The Pareto front."""
        return tuple(one for one in self.trials if one.optimal)


def read_front(path: Path) -> Front:
    """What `edgeprune search` wrote, checked: kinds, ranges, and whether the front follows from the figures.

    Raises:
        InputError: it cannot be read, or cannot be right.
    """
    front = jsonable.decode(Front, jsonable.parse_file(path), str(path))
    problem = next(_front_problems(front), None)
    if problem is not None:
        raise InputError(f"{path} cannot be right: {problem}.", "", "Run `edgeprune search` again.")
    return front


def _front_problems(front: Front) -> Iterator[str]:
    if front.schema_version != SCHEMA_VERSION:
        yield f"it has schema version {front.schema_version}, this edgeprune reads {SCHEMA_VERSION}"
    unknown = [name for name in front.objectives if name not in OBJECTIVES]
    if unknown or not front.objectives or len(set(front.objectives)) != len(front.objectives):
        yield f"its objectives are {', '.join(front.objectives)[:200] or 'none'}"
    numbers = [one.number for one in front.trials]
    if min(numbers, default=0) < 0 or len(set(numbers)) != len(numbers):
        yield "the numbers of its trials are negative, or one is there twice"
    for one in front.trials:
        yield from (f"trial {one.number}: {problem}" for problem in trial_problems(one, front.objectives))
    for one, marked in zip(front.trials, mark_front(front.objectives, front.trials), strict=True):
        if one.optimal != marked.optimal:
            yield f"the figures of trial {one.number} do not agree with its mark about the Pareto front"


def trial_problems(one: TrialSummary, objectives: Sequence[str]) -> Iterator[str]:
    """Figures that a trial cannot have."""
    missing = [name for name in objectives if name not in one.figures]
    if missing and not one.error:
        yield f"it has no {', '.join(missing)}"
    metric = metric_of(one.metric)
    for name, value in one.figures.items():
        is_cost = name in OBJECTIVES and OBJECTIVES[name] == "minimize"
        possible = value > 0 if is_cost else metric is None or metric.possible(value)
        if name not in (*OBJECTIVES, "test") or not possible or not math.isfinite(value):
            yield f"its {name[:60]} is {value:g}"
    texts = (one.error, one.metric, one.place, one.hardware, one.bundle, *one.unstable)
    if max(map(len, texts)) > _LONGEST_TEXT:
        yield "a text is too long"


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
