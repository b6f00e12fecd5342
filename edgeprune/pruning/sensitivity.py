"""What each group's removals do to the model's outputs, measured one group at a time.

A criterion's costs compare channels of one group. To compare groups, each group alone loses some fractions
of its channels in the original (the layers that read it are refitted by least squares), and the divergence
of the outputs is measured on samples that took no part in the choice. In between, the logarithm of
divergence over cumulative cost is interpolated:

    D(k) = cost(k) · exp(interpolated log(measured / cost))
"""

from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.graph import ChannelGroup, DependencyGraph, KeepMask
from edgeprune.pruning.activation_statistics import Moments
from edgeprune.pruning.divergence import divergence
from edgeprune.pruning.equivalence import silence_weight
from edgeprune.pruning.importance.criterion import GroupImportance
from edgeprune.pruning.least_squares import compensated
from edgeprune.pruning.movable_bias import movable_bias
from edgeprune.pruning.network import Data, Network
from edgeprune.pruning.spatial_reconstruction import spatial_fit

Changes = dict[str, dict[int, np.ndarray]]
"""Layer to weight index to array."""


def sensitivity_curves(
    network: Network, dependencies: DependencyGraph, importance: Sequence[GroupImportance],
    moments: Sequence[Moments], data: Data, *, fractions: Sequence[float],
    progress: Callable[[float], None] = lambda _: None,
) -> list[np.ndarray]:
    """For each group, the divergence D(k) after k = 0…n removals, of which some fractions are measured.

    The network is a copy of the original, whose weights change under way and are put back; the data are
    held-out calibration samples. There are no moments for criteria that do not observe.
    """
    reference, paused = network.outputs(data), network.paused(data)
    starts = [_first_call(dependencies, group, moments) for group in dependencies.groups]
    found: dict[int, np.ndarray] = {}
    # Nothing changes before the first call that a group's removals concern: that part of the run is shared.
    for number in sorted(range(len(starts)), key=starts.__getitem__):
        paused.advance(starts[number])
        group, order = dependencies.groups[number], importance[number]
        size = len(group.channels)
        removed = sorted({min(max(round(size * part), 1), size) for part in fractions})
        measured = []
        for count in removed:
            changes = without(network, dependencies, group, order.keep_mask(size - count), moments)
            measured.append(_with_changes(network, changes, lambda: divergence(reference, paused.outputs())))
        found[number] = interpolate(order.cumulative, removed, measured)
        progress(len(found) / len(starts))
    return [found[number] for number in range(len(starts))]


def interpolate(cumulative: np.ndarray, removed: Sequence[int], measured: Sequence[float]) -> np.ndarray:
    """D(k) for k = 0…n through the divergence measured at some numbers of removals; never decreasing.

    `cumulative` is the cost of the first k removals, k = 0…n.
    """
    tiny = 1e-12
    costs = np.log(cumulative + tiny)
    ratio = np.log(np.maximum(measured, tiny)) - costs[list(removed)]
    curve = np.exp(costs + np.interp(np.arange(len(cumulative)), removed, ratio))
    curve[0] = 0.0
    return np.maximum.accumulate(curve)


def without(
    network: Network, dependencies: DependencyGraph, group: ChannelGroup, kept: np.ndarray,
    moments: Sequence[Moments],
) -> Changes:
    """The weights of the full-size network in which a group's removed channels no longer count.

    The layers that read them are refitted by least squares; where nothing reads the group linearly, every
    weight of the removed channels is zero instead.
    """
    gone = group.channels[~kept]
    changes: Changes = {}
    for one in moments:
        if np.isin(one.channels, gone).any():
            _refit(network, dependencies, one, ~np.isin(one.channels, gone), changes)
    if changes:
        return changes
    keep = np.ones(dependencies.count, bool)
    keep[gone] = False
    answers = KeepMask(dependencies.channel_of, keep)
    for layer, flows in dependencies.layer_flows.items():
        weights = network.weights(layer) if flows else []
        for index, (weight, flow) in enumerate(zip(weights, flows, strict=True)):
            silent = silence_weight(weight, flow, answers)
            if silent is not weight:
                changes.setdefault(layer, {})[index] = silent
    return changes


def _first_call(dependencies: DependencyGraph, group: ChannelGroup, moments: Sequence[Moments]) -> int:
    """The first call of a layer that reads a group; 0 where none reads it linearly. See `without`."""
    layers = {one.read.layer for one in moments if np.isin(one.channels, group.channels).any()}
    calls = (number for number, call in enumerate(dependencies.graph.calls) if call.layer in layers)
    return min(calls, default=0)


def _refit(
    network: Network, dependencies: DependencyGraph, one: Moments, rows: np.ndarray, changes: Changes
) -> None:
    read = one.read
    matrix, moved = _refitted(dependencies, one, rows)
    mine = changes.setdefault(read.layer, {})
    mine[read.linear.kernel] = read.kernel(matrix, read.shape).astype(np.float32)
    constant = movable_bias(dependencies, read)
    if constant is not None:
        there = changes.setdefault(constant.layer, {})
        old = there.get(constant.index, network.weights(constant.layer)[constant.index])
        there[constant.index] = constant.moved(old, moved)


def _refitted(dependencies: DependencyGraph, one: Moments, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (R, O) with zeros in the rows that go, and what is added to the bias."""
    if one.rows is None or one.pooling is None:
        return compensated([one], rows)
    original = one.pooling.unpooled(one.matrix)
    kept = np.isin(one.read.channels, one.channels[rows])
    fit = spatial_fit(dependencies.graph, one.read, (one.rows, one.rows[:, kept]), kept, original, seed=0)
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
