"""What each group of a plan costs, and what narrowing it would save and change."""

from collections.abc import Mapping

import numpy as np

from edgeprune.budget.allocation import thinned
from edgeprune.budget.explain import GroupExplanation
from edgeprune.budget.latency import LatencyTable
from edgeprune.budget.plans import Planner
from edgeprune.budget.profile import LatencyProfile
from edgeprune.pruning.divergence import OutputChange

_SAVES = 0.002
"""Fraction of the model's latency below which a step saves nothing."""


def attribute_costs(
    profile: LatencyProfile, planner: Planner, counts: np.ndarray,
    evaluated: Mapping[tuple[int, ...], OutputChange],
) -> tuple[GroupExplanation, ...]:  # fmt: skip
    """One explanation for each group of a model that keeps `counts` (G,) channels.

    Latencies are absent where nothing was timed.
    """
    counts = np.asarray(counts)
    timed = profile.baseline_ms is not None
    baseline_ms, table = profile.baseline_ms or 0.0, profile.table
    by_layer, depends = table.layers(counts), np.any(table.work.per_channel > 0, axis=0)
    here = float(table(counts)[0])
    explanations = []
    for number, group in enumerate(profile.candidates.analysis.dependencies.groups):
        level = thinned(planner.choices[number])
        narrower = level[level < counts[number]]
        there = np.repeat(counts.astype(float)[None], len(narrower), axis=0)
        there[:, number] = narrower
        saved = here - table(there) if len(narrower) else np.zeros(0)
        useful = np.flatnonzero(saved > _SAVES * here) if timed else np.arange(len(narrower))
        step = int(useful[0]) if len(useful) else None
        after = int(counts[number]) if step is None else int(narrower[step])
        size, curve = len(group.channels), planner.sensitivity[number]
        added = float(curve[size - after] - curve[size - int(counts[number])])
        touched = dict.fromkeys(table.work.layers[layer] for layer in np.flatnonzero(depends[:, number]))
        latency = baseline_ms * sum(by_layer[path] for path in touched) if timed else None
        explanations.append(GroupExplanation(
            group.name, group.producers, size, int(counts[number]), latency,
            None if step is None else after,
            None if step is None or not timed else baseline_ms * float(saved[step]),
            added, _changed(added, counts, planner, evaluated),
        ))  # fmt: skip
    return tuple(explanations)


def _changed(
    added: float, counts: np.ndarray, planner: Planner, evaluated: Mapping[tuple[int, ...], OutputChange]
) -> float | None:
    """Ratio of predictions that change with more divergence: about its root (Pinsker's inequality)."""
    seen = [one for one in evaluated.values() if one.changed is not None and one.divergence > 0]
    if not seen:
        return None
    rate = float(np.median([(one.changed or 0.0) / one.divergence**0.5 for one in seen]))
    here = evaluated.get(tuple(int(count) for count in counts))
    before = float(planner.expected(counts, planner.sensitivity).sum())
    measured = before if here is None else here.divergence
    added = added * measured / before if before > 0 and measured > 0 else added
    return float(rate * ((measured + added) ** 0.5 - measured**0.5))


def slowest_layers(table: LatencyTable, counts: np.ndarray, number: int = 3) -> list[tuple[str, float]]:
    """The layers that take most of a model's predicted latency, with their fractions of it."""
    by_layer, total = table.layers(counts), float(table(counts)[0])
    order = sorted(by_layer, key=lambda path: -by_layer[path])
    return [(path, by_layer[path] / total) for path in order[:number]]
