"""Why each group has the width it has: what it costs in latency, and what narrowing it would cost."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.budget.allocate import thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.budget.plans import Planner
    from edgeprune.budget.profile import Profile

_SAVES = 0.002
"""Share of the baseline's latency below which a step is one that saves nothing."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One group.

    Attributes:
        group: its name.
        layers: that make its units.
        units_before: in the original.
        units_after: kept.
        latency_ms: predicted, of the layers that make or read its units, in the pruned model.
        next_units: the nearest narrower width that saves time; None where there is none.
        saves_ms: what going there would save.
        harm: what going there would add to the divergence of the outputs.
    """

    group: str
    layers: tuple[str, ...]
    units_before: int
    units_after: int
    latency_ms: float
    next_units: int | None
    saves_ms: float
    harm: float


@dataclasses.dataclass(frozen=True)
class Round:
    """One built model, beside what was predicted for it.

    Attributes:
        counts: kept units of each group.
        predicted: by limit, in its unit.
        measured: the same, measured.
        low, high: interval of the latency in ms; None where there is no limit on it.
        inside: whether all limits hold, the latency's with its interval.
    """

    counts: tuple[int, ...]
    predicted: dict[str, float]
    measured: dict[str, float]
    low: float | None
    high: float | None
    inside: bool


@dataclasses.dataclass(frozen=True)
class Explanation:
    """All of it, for the report.

    Attributes:
        device: where it was measured.
        runtime: there.
        baseline_ms: latency of the original, quantized alike.
        limits: by name.
        rows: one for each group.
        rounds: in order; the last one is the result.
        family: how the plan was made, see `edgeprune.budget.plans`.
        harms: measured divergence of the best plan of each family.
        candidates: measured for the table.
        median_error: relative, of the table's predictions of candidates that took no part in its fit.
    """

    device: str
    runtime: str
    baseline_ms: float
    limits: dict[str, float]
    rows: tuple[Row, ...]
    rounds: tuple[Round, ...]
    family: str
    harms: dict[str, float]
    candidates: int
    median_error: float


def rows_of(profile: Profile, planner: Planner, counts: np.ndarray) -> tuple[Row, ...]:
    """One row for each group, for a model with these widths."""
    units, table, whole = profile.candidates.prepared.units, profile.table, profile.baseline_ms
    touched = _touching(profile)
    by_layer = table.layers(counts)
    here = float(table(counts)[0])
    rows = []
    for number, group in enumerate(units.groups):
        level = thinned(planner.choices[number])
        narrower = level[level < counts[number]]
        there = np.repeat(np.asarray(counts, float)[None], len(narrower), axis=0)
        there[:, number] = narrower
        saved = here - table(there) if len(narrower) else np.zeros(0)
        useful = np.flatnonzero(saved > _SAVES * here)
        size = len(group.units)
        curve = planner.curves[number]
        step = int(useful[0]) if len(useful) else None
        rows.append(
            Row(
                group.name,
                group.producers,
                size,
                int(counts[number]),
                whole * sum(by_layer[path] for path in touched[number]),
                None if step is None else int(narrower[step]),
                0.0 if step is None else whole * float(saved[step]),
                0.0
                if step is None
                else float(curve[size - int(narrower[step])] - curve[size - int(counts[number])]),
            )
        )
    return tuple(rows)


def _touching(profile: Profile) -> list[set[str]]:
    """For each group the paths of the layers whose work depends on it."""
    work = profile.table.work
    depends = np.asarray((work.shares > 0).any(axis=0), bool)
    return [
        {path for path, yes in zip(work.layers, depends[:, group], strict=True) if yes}
        for group in range(len(profile.full))
    ]


def holding_back(profile: Profile, counts: np.ndarray, number: int = 3) -> Sequence[tuple[str, float]]:
    """The layers that take most of a model's predicted latency, with their shares of it."""
    by_layer = profile.table.layers(counts)
    total = float(profile.table(counts)[0])
    order = sorted(by_layer, key=lambda path: -by_layer[path])
    return [(path, by_layer[path] / total) for path in order[:number]]
