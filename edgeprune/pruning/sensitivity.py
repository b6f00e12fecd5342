"""What each group's removals do to the model's outputs, measured one group at a time.

A criterion's costs compare units of one group. To compare groups, each group alone loses some
fractions of its units in the original (its readers repaired by least squares), and the divergence
of the outputs is measured on samples that took no part in the choice. In between, the logarithm of
divergence over cumulative cost is interpolated:

    D(k) = cost(k) · exp(interpolated log(measured / cost))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.pruning.compensate import compensated
from edgeprune.pruning.constant import constant_of
from edgeprune.pruning.divergence import divergence
from edgeprune.pruning.equivalence import silence_weight
from edgeprune.pruning.spread import shared_map
from edgeprune.pruning.strip import KeptUnits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeprune.graph.dependency_graph import Group, Units
    from edgeprune.pruning.network import Data, Network
    from edgeprune.pruning.observe import Moments
    from edgeprune.pruning.ranking import Ranking


Changes = dict[str, dict[int, np.ndarray]]
"""Layer to weight index to array."""


def curves(
    network: Network,
    units: Units,
    rankings: Sequence[Ranking],
    moments: Sequence[Moments],
    data: Data,
    *,
    fractions: Sequence[float],
    progress: Callable[[float], None] = lambda _: None,
) -> list[np.ndarray]:
    """For each group, the divergence D(k) after k = 0…n removals.

    Args:
        network: a copy of the original; its weights change under way and are put back.
        units: of the original.
        rankings: one for each group.
        moments: of the reads; empty for criteria that do not observe.
        data: held-out calibration samples.
        fractions: of each group that are removed to measure.
        progress: told the fraction done.
    """
    reference = network.outputs(data)
    found = []
    for number, (group, ranking) in enumerate(zip(units.groups, rankings, strict=True)):
        size = len(group.units)
        removed = sorted({min(max(round(size * part), 1), size) for part in fractions})
        measured = []
        for count in removed:
            changes = without(network, units, group, ranking.kept(size - count), moments)
            measured.append(
                _with_changes(network, changes, lambda: divergence(reference, network.outputs(data)))
            )
        found.append(interpolate(ranking.cumulative, removed, measured))
        progress((number + 1) / len(units.groups))
    return found


def interpolate(cumulative: np.ndarray, removed: Sequence[int], measured: Sequence[float]) -> np.ndarray:
    """D(k) for k = 0…n through the measured points; never decreasing.

    Args:
        cumulative: cost of the first k removals, k = 0…n.
        removed: numbers of removals measured.
        measured: the divergence there.
    """
    tiny = 1e-12
    costs = np.log(cumulative + tiny)
    ratio = np.log(np.maximum(measured, tiny)) - costs[list(removed)]
    curve = np.exp(costs + np.interp(np.arange(len(cumulative)), removed, ratio))
    curve[0] = 0.0
    return np.maximum.accumulate(curve)


def without(
    network: Network, units: Units, group: Group, kept: np.ndarray, moments: Sequence[Moments]
) -> Changes:
    """The weights of the full-size network in which a group's removed units no longer count.

    Their readers are repaired by least squares; where nothing reads the group linearly, every
    weight of the removed units is zero instead.
    """
    gone = group.units[~kept]
    changes: Changes = {}
    for one in moments:
        if np.isin(one.units, gone).any():
            _repair(network, units, one, ~np.isin(one.units, gone), changes)
    if changes:
        return changes
    keep = np.ones(units.count, bool)
    keep[gone] = False
    answers = KeptUnits(units.unit_of, keep)
    for layer, flows in units.layer_flows.items():
        weights = network.weights(layer) if flows else []
        for index, (weight, flow) in enumerate(zip(weights, flows, strict=True)):
            silent = silence_weight(weight, flow, answers)
            if silent is not weight:
                changes.setdefault(layer, {})[index] = silent
    return changes


def _repair(network: Network, units: Units, one: Moments, rows: np.ndarray, changes: Changes) -> None:
    mix = one.mix
    matrix, moved = _repaired(units, one, rows)
    mine = changes.setdefault(mix.layer, {})
    mine[mix.read.kernel] = mix.kernel(matrix, mix.shape).astype(np.float32)
    constant = constant_of(units, mix)
    if constant is not None:
        old = network.weights(constant.layer)[constant.index]
        value = old + constant.sign * moved.reshape(old.shape)
        changes.setdefault(constant.layer, {})[constant.index] = value.astype(np.float32)


def _repaired(units: Units, one: Moments, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (R, O) with zeros in the rows that go, and what is added to the bias."""
    if one.rows is None or one.shared is None:
        return compensated([one], rows)
    original = one.shared.unshared(one.matrix)
    kept = np.isin(one.mix.units, one.units[rows])
    fit = shared_map(units.graph, one.mix, (one.rows, one.rows[:, kept]), kept, original, seed=0)
    if fit is None:
        return compensated([one], rows)
    matrix = np.zeros_like(original)
    matrix[kept] = fit.matrix
    return matrix, fit.constant


def _with_changes(network: Network, changes: Changes, measure: Callable[[], float]) -> float:
    old = {layer: network.weights(layer) for layer in changes}
    try:
        for layer, arrays in changes.items():
            network.replace(layer, arrays)
        return measure()
    finally:
        for layer, arrays in changes.items():
            network.replace(layer, {index: old[layer][index] for index in arrays})
