"""Repairs a stripped model without labels or training: layer after layer, least squares.

The original and the pruned copy run side by side on calibration data. Each layer that mixes its
inputs linearly gets the kernel and bias that map what the *pruned* network feeds it to what the
*original* layer gave: errors of earlier layers are met by later ones instead of adding up.

    min ‖X·W + b - (Y·S + c)‖²      X: the original's rows, Y: the pruned network's, same positions

Few rows for many columns (after a Flatten): first one map for all places (`edgeprune.pruning.spread`),
then what is left is corrected by a ridge fit whose strength is chosen by leaving one sample out.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.graph.keep_mask import KeepMask
from edgeprune.layers import rule_for
from edgeprune.pruning.compensate import compensated
from edgeprune.pruning.finish import finish, read_by
from edgeprune.pruning.heads import heads_of
from edgeprune.pruning.least_squares import Fit, cautious_ridge, ridge
from edgeprune.pruning.mix import Mix, mixes_of
from edgeprune.pruning.movable_bias import movable_bias
from edgeprune.pruning.observe import ROWS_PER_READ
from edgeprune.pruning.relu_targets import ReluTarget, relu_target
from edgeprune.pruning.spread import shared_map

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.pruning.movable_bias import MovableBias
    from edgeprune.pruning.network import Data, Network, PendingCall
    from edgeprune.pruning.observe import Moments

RIDGE = 1e-4
FEW_ROWS = 10
"""Rows per column below which the penalty is chosen by leaving one out."""
MOST_CAUTIOUS = 4096
"""Rows up to which that is affordable: it takes their cube."""


@dataclasses.dataclass(frozen=True)
class Sides:
    """Original and pruned network, run side by side.

    Attributes:
        original: the model before.
        pruned: its stripped copy; its weights change.
        dependencies: of the original.
        keep: for each channel number, whether it stayed.
        moments: of the original's reads.
        weights: (N,) how much each calibration sample counts.
        seed: decides which positions are looked at.
        rows: positions that a kernel is fitted to, or three for each column.
    """

    original: Network
    pruned: Network
    dependencies: DependencyGraph
    keep: np.ndarray
    moments: Sequence[Moments]
    weights: np.ndarray
    seed: int
    rows: int = ROWS_PER_READ

    def seen(self, mix: Mix) -> list[Moments]:
        """Moments of every call that uses a kernel."""
        return [
            one
            for one in self.moments
            if (one.mix.layer, one.mix.read.kernel, one.mix.read.rows)
            == (mix.layer, mix.read.kernel, mix.read.rows)
        ]


def reconstruct(
    sides: Sides,
    data: Data,
    reference: Sequence[np.ndarray],
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> int:
    """Refits every layer of the pruned network whose inputs have changed, in place.

    Layers that are called several times are repaired from the moments of all their calls.

    Args:
        sides: the two networks.
        data: calibration samples, all of them in memory at once.
        reference: the original's outputs on them.
        progress: told the fraction done.

    Returns:
        How many kernels were refitted.
    """
    calls = collections.Counter(call.layer for call in sides.dependencies.graph.calls)
    by_call: dict[int, dict[int, Mix]] = {}
    done = 0
    for mix in mixes_of(sides.dependencies):
        if calls[mix.layer] == 1:
            by_call.setdefault(mix.call, {}).setdefault(mix.read.kernel, mix)
        else:
            done += _compensate(sides, mix)
    index = resampled(sides.weights)
    heads = heads_of(sides.dependencies)
    hidden, ends = {head.hidden for head in heads}, {read_by(head) for head in heads}
    wide: dict[int, Fit] = {}
    inputs: dict[int, np.ndarray] = {}
    for before, after in zip(sides.original.steps(data), sides.pruned.steps(data), strict=True):
        for mix in by_call.get(before.number, {}).values():
            fit = _refit(sides, mix, (before, after), index, wide=mix.call in hidden)
            done += fit is not None
            if fit is not None and mix.call in hidden:
                wide[mix.call] = fit
        if after.number in ends:
            inputs[after.number] = after.arrays[0]
        progress((before.number + 1) / len(sides.dependencies.graph.calls))
    return done + finish(sides, reference, inputs, wide)


def resampled(weights: np.ndarray) -> np.ndarray:
    """Positions of samples, twice as many as there are, each as often as it counts."""
    edges = np.cumsum(weights) / weights.sum()
    wanted = (np.arange(2 * len(weights)) + 0.5) / (2 * len(weights))
    return np.minimum(np.searchsorted(edges, wanted), len(weights) - 1)


def _compensate(sides: Sides, mix: Mix) -> bool:
    fit = _compensated(sides, mix, mix.columns_kept(sides.keep))
    if fit is None:
        return False
    shape = sides.pruned.weights(mix.layer)[mix.read.kernel].shape
    sides.pruned.replace(mix.layer, {mix.read.kernel: mix.kernel(fit.matrix, shape).astype(np.float32)})
    place = movable_bias(sides.dependencies, mix)
    if place is not None:
        place.store(sides.pruned, fit.constant)
    return True


def _compensated(sides: Sides, mix: Mix, columns: np.ndarray) -> Fit | None:
    """What the original's moments say about columns of a kernel; None where they say nothing."""
    seen, rows = sides.seen(mix), mix.rows_kept(sides.keep)
    if not seen or rows.all() or not rows.any():
        return None
    of_moments = sides.keep[seen[0].channels]
    if seen[0].shared is None and not np.array_equal(of_moments, rows):
        return None
    matrix, moved = compensated(seen, of_moments)
    place = movable_bias(sides.dependencies, mix)
    old = 0.0 if place is None else _old_constant(sides, place, mix, columns)
    factor = _factor(sides, mix)
    return Fit(matrix[rows][:, columns] * factor, moved[columns] * factor + old)


def _refit(
    sides: Sides, mix: Mix, steps: tuple[PendingCall, PendingCall], index: np.ndarray, *, wide: bool
) -> Fit | None:
    """Refits one kernel in place; the fit of the kept columns, or if `wide` of all the original's."""
    old, new = sides.original.weights(mix.layer), sides.pruned.weights(mix.layer)
    source = steps[0].arrays[mix.read.source]
    each = max(len(source) // len(sides.weights), 1)  # more than one where steps were folded into the batch
    by_sample = mix.read.hidden is None and source.ndim == 2
    samples = None if by_sample else (index[:, None] * each + np.arange(each)).ravel()
    key = (sides.seed, mix.call, mix.read.kernel)
    rows = max(sides.rows, 3 * len(mix.channels))
    x = mix.draw(steps[0], old, np.random.default_rng(key), rows, samples)
    y = mix.draw(steps[1], new, np.random.default_rng(key), rows, samples)
    if x.shape == y.shape and np.array_equal(x, y):
        return None
    kept = mix.columns_kept(sides.keep)
    if not y.size or not kept.any() or len(x) != len(y):
        return None
    is_whole = by_sample and len(x) == each * len(sides.weights)
    weights = np.repeat(sides.weights, each) if is_whole else np.ones(len(x))
    fit = _fit(sides, mix, (x, y), weights, np.ones_like(kept) if wide else kept)
    chosen = Fit(fit.matrix[:, kept], fit.constant[kept]) if wide else fit
    shape = new[mix.read.kernel].shape
    sides.pruned.replace(mix.layer, {mix.read.kernel: mix.kernel(chosen.matrix, shape).astype(np.float32)})
    place = movable_bias(sides.dependencies, mix)
    if place is not None:
        place.store(sides.pruned, chosen.constant)
    return fit


def _fit(
    sides: Sides, mix: Mix, rows: tuple[np.ndarray, np.ndarray], weights: np.ndarray, columns: np.ndarray
) -> Fit:
    """From what the pruned network feeds a layer to some columns of what the original gives."""
    x, y = rows
    place = movable_bias(sides.dependencies, mix)
    kernel = sides.original.weights(mix.layer)[mix.read.kernel]
    matrix = mix.matrix(kernel)[:, columns] * _factor(sides, mix)
    shift = np.zeros(int(columns.sum())) if place is None else _old_constant(sides, place, mix, columns)
    if len(y) <= MOST_CAUTIOUS and len(y) < FEW_ROWS * y.shape[1]:
        return _fit_few(sides, mix, rows, (matrix, shift), columns, weights)
    target = x @ matrix + shift.astype(x.dtype)
    relaxed = _rectified(sides, mix, place, columns)
    return ridge(y, target, RIDGE, constant=place is not None, rectified=relaxed)


def _old_constant(sides: Sides, place: MovableBias, mix: Mix, columns: np.ndarray) -> np.ndarray:
    value = place.value(sides.original)[columns]
    return np.asarray(value * (_factor(sides, mix) if place.layer == mix.layer else 1.0))


def _factor(sides: Sides, mix: Mix) -> float:
    """What the rule multiplies the kernel with when it shrinks (the query under attention)."""
    view, flow = sides.dependencies.views[mix.call], sides.dependencies.flows[mix.call]
    kept = KeepMask(sides.dependencies.channel_of, sides.keep)
    return float(rule_for(view.layer).factors(view, flow, kept).get(mix.read.kernel, 1.0))


def _rectified(sides: Sides, mix: Mix, place: MovableBias | None, columns: np.ndarray) -> ReluTarget | None:
    found = relu_target(sides.original, mix.call) if mix.read.hidden is None else None
    if found is None or len(found.threshold) != len(columns):
        return None
    if place is not None and place.layer != mix.layer:
        found = ReluTarget(found.threshold + place.value(sides.original), found.side)
    return found.columns(columns)


def _fit_few(
    sides: Sides,
    mix: Mix,
    rows: tuple[np.ndarray, np.ndarray],
    wanted: tuple[np.ndarray, np.ndarray],
    columns: np.ndarray,
    weights: np.ndarray,
) -> Fit:
    """A first guess that needs few rows, and a cautious correction of what it leaves."""
    x, y = rows
    matrix, shift = wanted
    target = x @ matrix + shift
    kept = mix.rows_kept(sides.keep)
    first = shared_map(sides.dependencies.graph, mix, (x, y), kept, matrix, sides.seed)
    first = _compensated(sides, mix, columns) if first is None else Fit(first.matrix, first.constant + shift)
    if first is None:
        first = Fit(matrix[kept].astype(np.float64), shift)
    guess = first.predict(y)
    movable = movable_bias(sides.dependencies, mix) is not None
    judged = mix.columns_kept(sides.keep)[columns]
    rest = cautious_ridge(y, target - guess, weights, constant=movable, judged=judged)
    left_out = None if rest.left_out is None else guess + rest.left_out
    return Fit(first.matrix + rest.matrix, first.constant + rest.constant, left_out)
