"""What each group of a plan costs, and what narrowing it would: the rows of an `Explanation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.budget.allocate import thinned
from edgeprune.budget.explain import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.budget.plans import Planner
    from edgeprune.budget.profile import Profile
    from edgeprune.pruning.divergence import OutputChange

_SAVES = 0.002
"""Share of the model's latency below which a step is one that saves nothing."""


def rows_of(
    profile: Profile, planner: Planner, counts: np.ndarray, known: Mapping[tuple[int, ...], OutputChange]
) -> tuple[Row, ...]:
    """One row for each group, for a model with these widths.

    Args:
        profile: of the model; where nothing was timed, rows have no latency.
        planner: its curves say what narrowing does.
        counts: (G,) kept units.
        known: what the plans that were tried did to the outputs.
    """
    counts = np.asarray(counts)
    timed = profile.baseline_ms is not None
    whole, table = profile.baseline_ms or 0.0, profile.table
    touched, by_layer = _touching(profile), table.layers(counts)
    here = float(table(counts)[0])
    rows = []
    for number, group in enumerate(profile.candidates.prepared.dependencies.groups):
        level = thinned(planner.choices[number])
        narrower = level[level < counts[number]]
        there = np.repeat(counts.astype(float)[None], len(narrower), axis=0)
        there[:, number] = narrower
        saved = here - table(there) if len(narrower) else np.zeros(0)
        useful = np.flatnonzero(saved > _SAVES * here) if timed else np.arange(len(narrower))
        step = int(useful[0]) if len(useful) else None
        after = int(counts[number]) if step is None else int(narrower[step])
        size, curve = len(group.channels), planner.curves[number]
        harm = float(curve[size - after] - curve[size - int(counts[number])])
        rows.append(
            Row(
                group.name,
                group.producers,
                size,
                int(counts[number]),
                whole * sum(by_layer[path] for path in touched[number]) if timed else None,
                None if step is None else after,
                None if step is None or not timed else whole * float(saved[step]),
                harm,
                _changed(harm, counts, planner, known),
            )
        )
    return tuple(rows)


def _changed(
    harm: float, counts: np.ndarray, planner: Planner, known: Mapping[tuple[int, ...], OutputChange]
) -> float | None:
    """Answers that go with more divergence, as a share: they grow about as its root does (Pinsker)."""
    seen = [one for one in known.values() if one.changed is not None and one.divergence > 0]
    if not seen:
        return None
    rate = float(np.median([(one.changed or 0.0) / one.divergence**0.5 for one in seen]))
    here = known.get(tuple(int(count) for count in counts))
    before = float(planner.harms(counts, planner.curves).sum())
    measured = before if here is None else here.divergence
    added = harm * measured / before if before > 0 and measured > 0 else harm
    return float(rate * ((measured + added) ** 0.5 - measured**0.5))


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
