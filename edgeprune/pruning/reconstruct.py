"""Refits a compacted model without labels or training: layer after layer, by least squares.

The original and the pruned copy run side by side on calibration data. Each layer that is linear in its
inputs gets the kernel and bias that map what the *pruned* network feeds it to what the *original* layer
gave: later layers make up for the errors of earlier ones instead of adding to them.

    min ‖X·W + b - (Y·S + c)‖²      X: the original's rows, Y: the pruned network's, same positions

Where there are few rows for many columns (after a Flatten), one map is fitted for all places first
(`edgeprune.pruning.spatial_reconstruction`); a ridge fit, whose strength is chosen by leaving one sample
out, then corrects what is left. Recurrent kernels: `edgeprune.pruning.state_reconstruction`.
"""

import collections
from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.graph import KeepMask
from edgeprune.pruning.heads import heads_of, tune_heads
from edgeprune.pruning.kernel_reads import KernelRead, kernel_reads
from edgeprune.pruning.least_squares import Fit, cautious_ridge, compensated, ridge
from edgeprune.pruning.movable_bias import movable_bias
from edgeprune.pruning.network import Data, Network, PendingCall
from edgeprune.pruning.network_pair import NetworkPair
from edgeprune.pruning.relu_targets import ReluTarget, relu_target
from edgeprune.pruning.spatial_reconstruction import spatial_fit
from edgeprune.pruning.state_reconstruction import refit_states

RIDGE = 1e-4
FEW_ROWS = 10
"""Rows per column below which the penalty is chosen by leaving one out."""
GATHERED_BYTES = 64_000_000
"""A layer's inputs, of samples that count several times, that are in memory at once."""
MOST_CAUTIOUS = 4096
"""Rows up to which that is affordable: it takes their cube."""


def reconstruct(
    pair: NetworkPair, data: Data, reference: Sequence[np.ndarray], *,
    progress: Callable[[float], None] = lambda _: None,
) -> int:
    """Refits every layer of the pruned network whose inputs have changed, in place.

    Layers that are called several times are refitted from the moments of all their calls. All samples are in
    memory at once. Returns how many kernels were refitted.
    """
    graph = pair.dependencies.graph
    calls = collections.Counter(call.layer for call in graph.calls)
    by_call: dict[int, dict[int, KernelRead]] = {}
    done = 0
    for read in kernel_reads(pair.dependencies):
        if calls[read.layer] == 1:
            by_call.setdefault(read.call, {}).setdefault(read.linear.kernel, read)
        elif (fit := _from_moments(pair, read, read.columns_kept(pair.keep))) is not None:
            pair.store(read, fit)
            done += 1
    index = resampled(pair.weights)
    heads = heads_of(pair.dependencies)
    hidden, ends = {head.hidden for head in heads}, {head.input_call for head in heads}
    wide: dict[int, Fit] = {}
    inputs: dict[int, np.ndarray] = {}
    for before, after in zip(pair.original.steps(data), pair.pruned.steps(data), strict=True):
        for read in by_call.get(before.number, {}).values():
            fit = _refit(pair, read, (before, after), index, wide=read.call in hidden)
            done += fit is not None
            if fit is not None and read.call in hidden:
                wide[read.call] = fit
        if after.number in ends:
            inputs[after.number] = after.arrays[0]
        progress((before.number + 1) / len(graph.calls))
    return done + tune_heads(pair, reference, inputs, wide)


def resampled(weights: np.ndarray) -> np.ndarray:
    """Positions of samples, twice as many as there are, each as often as it counts."""
    edges = np.cumsum(weights) / weights.sum()
    wanted = (np.arange(2 * len(weights)) + 0.5) / (2 * len(weights))
    return np.minimum(np.searchsorted(edges, wanted), len(weights) - 1)


def _from_moments(pair: NetworkPair, read: KernelRead, columns: np.ndarray) -> Fit | None:
    """What the original's moments say about columns of a kernel; None where they say nothing."""
    seen, rows = pair.moments_of(read), read.rows_kept(pair.keep)
    if not seen or rows.all() or not rows.any():
        return None
    of_moments = pair.keep[seen[0].channels]
    if seen[0].pooling is None and not np.array_equal(of_moments, rows):
        return None
    matrix, moved = compensated(seen, of_moments)
    old, factor = None if read.linear.recurs else pair.bias(read, columns), pair.factor(read)
    constant = moved[columns] * factor + (0.0 if old is None else old)
    return Fit(matrix[rows][:, columns] * factor, constant)


def _refit(
    pair: NetworkPair, read: KernelRead, steps: tuple[PendingCall, PendingCall], index: np.ndarray, *,
    wide: bool,
) -> Fit | None:
    """Refits one kernel in place; the fit of the kept columns, or if `wide` of all the original's."""
    if read.linear.recurs:
        states = refit_states(pair, read, steps, index)
        if states is not None:
            pair.store(read, states)
        return states
    source = steps[0].arrays[read.linear.source]
    each = max(len(source) // len(pair.weights), 1)  # more than one where steps were folded into the batch
    by_sample = read.linear.hidden is None and source.ndim == 2
    samples = None if by_sample else (index[:, None] * each + np.arange(each)).ravel()
    rows = max(pair.rows, 3 * len(read.channels))
    pieces = None if samples is None else _in_pieces(samples, source)
    x, y = (
        _drawn(pair, read, (step, network), rows, pieces)
        for step, network in zip(steps, (pair.original, pair.pruned), strict=True)
    )
    if x.shape == y.shape and np.array_equal(x, y):
        return None
    kept = read.columns_kept(pair.keep)
    if not y.size or not kept.any() or len(x) != len(y):
        return None
    is_whole = by_sample and len(x) == each * len(pair.weights)
    weights = np.repeat(pair.weights, each) if is_whole else np.ones(len(x))
    fit = _fit(pair, read, (x, y), weights, np.ones_like(kept) if wide else kept)
    pair.store(read, Fit(fit.matrix[:, kept], fit.constant[kept]) if wide else fit)
    return fit


def _in_pieces(samples: np.ndarray, source: np.ndarray) -> list[np.ndarray]:
    """Positions of samples in as few parts as memory allows, by what the original's layer reads."""
    size = len(samples) * source.nbytes // max(len(source), 1)
    return np.array_split(samples, min(max(-(-size // GATHERED_BYTES), 1), len(samples)))


def _drawn(
    pair: NetworkPair, read: KernelRead, side: tuple[PendingCall, Network], number: int,
    pieces: list[np.ndarray] | None,
) -> np.ndarray:
    """Rows of one network; from samples given in pieces, each of which is in memory by itself."""
    (step, network), generator = side, np.random.default_rng((pair.seed, read.call, read.linear.kernel))
    weights, passing = network.weights(read.layer), None
    if read.linear.passing is not None and network is pair.original:  # only channels that both have
        kept = KeepMask(pair.dependencies.channel_of, pair.keep)
        passing = np.flatnonzero(kept.mask(read.linear.passing[1]))
    if pieces is None:
        return read.draw(step, weights, generator, number, passing=passing)
    each = -(-number // len(pieces))
    return np.concatenate([read.draw(step, weights, generator, each, piece, passing) for piece in pieces])


def _fit(
    pair: NetworkPair, read: KernelRead, rows: tuple[np.ndarray, np.ndarray], weights: np.ndarray,
    columns: np.ndarray,
) -> Fit:
    """From what the pruned network feeds a layer to some columns of what the original gives."""
    x, y = rows
    kernel = pair.original.weights(read.layer)[read.linear.kernel]
    matrix = read.matrix(kernel)[:, columns] * pair.factor(read)
    bias = pair.bias(read, columns)
    shift = np.zeros(int(columns.sum())) if bias is None else bias
    if len(y) <= MOST_CAUTIOUS and len(y) < FEW_ROWS * y.shape[1]:
        return _fit_few(pair, read, rows, (matrix, shift), columns, weights)
    target = x @ matrix + shift.astype(x.dtype)
    return ridge(y, target, RIDGE, constant=bias is not None, relu=_relu_target(pair, read, columns))


def _relu_target(pair: NetworkPair, read: KernelRead, columns: np.ndarray) -> ReluTarget | None:
    is_seen = read.linear.hidden is None and read.linear.passing is None
    found = relu_target(pair.original, read.call) if is_seen else None
    if found is None or len(found.threshold) != len(columns):
        return None
    place = movable_bias(pair.dependencies, read)
    if place is not None and place.layer != read.layer:
        found = ReluTarget(found.threshold + place.value(pair.original), found.side)
    return found.columns(columns)


def _fit_few(
    pair: NetworkPair, read: KernelRead, rows: tuple[np.ndarray, np.ndarray],
    wanted: tuple[np.ndarray, np.ndarray], columns: np.ndarray, weights: np.ndarray,
) -> Fit:
    """A first guess that needs few rows, and a cautious correction of what it leaves."""
    x, y = rows
    matrix, shift = wanted
    target = x @ matrix + shift
    kept = read.rows_kept(pair.keep)
    first = spatial_fit(pair.dependencies.graph, read, (x, y), kept, matrix, pair.seed)
    first = _from_moments(pair, read, columns) if first is None else Fit(first.matrix, first.constant + shift)
    if first is None:
        first = Fit(matrix[kept].astype(np.float64), shift)
    guess = first.predict(y)
    movable = movable_bias(pair.dependencies, read) is not None
    judged = read.columns_kept(pair.keep)[columns]
    rest = cautious_ridge(y, target - guess, weights, constant=movable, judged=judged)
    left_out = None if rest.left_out is None else guess + rest.left_out
    return Fit(first.matrix + rest.matrix, first.constant + rest.constant, left_out)
