"""Repairs the ends of a stripped model once all layers have been refitted.

The arithmetic is in `edgeprune.pruning.closing`. Where the hidden layer was fitted to few samples, what
its fits say about samples that they have left out stands in for what it gives: it errs on those as it
will on new ones, and the layer behind it should be fitted to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.pruning.closing import MOST_FEATURES, Ending, closed
from edgeprune.pruning.heads import ACTIVATIONS, Head, heads_of
from edgeprune.pruning.least_squares import Fit
from edgeprune.pruning.links import Link
from edgeprune.pruning.mix import mixes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.pruning.mix import Mix
    from edgeprune.pruning.reconstruct import Sides

MOST_SAMPLES = 2048


def finish(
    sides: Sides,
    reference: Sequence[np.ndarray],
    inputs: Mapping[int, np.ndarray],
    wide: Mapping[int, Fit],
) -> int:
    """Fits every head of the pruned network, in place.

    Args:
        sides: the two networks; every layer of the pruned one has been refitted.
        reference: the original's outputs on the calibration samples.
        inputs: by call, what the pruned network feeds the heads' layers, see `read_by`.
        wide: by call of a hidden layer, the fit of *all* channels of the original, removed or not, to
            what the pruned network feeds the layer.

    Returns:
        How many heads were changed.
    """
    done = 0
    for head in heads_of(sides.dependencies):
        wanted = reference[head.output]
        order = np.random.default_rng(sides.seed).permutation(len(wanted))[:MOST_SAMPLES]
        x = np.asarray(inputs[read_by(head)][order], np.float64)
        done += _finish(sides, head, np.asarray(wanted, np.float64)[order], x, wide, order)
    return done


def read_by(head: Head) -> int:
    """The call whose input decides all that a head's fit can use."""
    return head.last if head.hidden is None else head.hidden


def _finish(
    sides: Sides,
    head: Head,
    p: np.ndarray,
    x: np.ndarray,
    wide: Mapping[int, Fit],
    order: np.ndarray,
) -> bool:
    graph = sides.dependencies.graph
    last = graph.calls[head.last].layer
    kernel, bias = (array.astype(np.float64) for array in sides.pruned.weights(last))
    scale = max(float(p.var(axis=0).mean()), 1e-12) if head.link == "linear" else 1.0
    link = Link(head.link, scale)
    if head.hidden is None:
        end = unseen = Ending(p, x, None, ACTIVATIONS["linear"], link)
        basis = channels = None
    else:
        channels = _all_units(sides, head.hidden, wide)
        kept, activation = _kept(sides, head.hidden), ACTIVATIONS[head.activation]
        seen = channels.predict(x)
        basis = _basis(seen)
        end = Ending(p, seen[:, kept], basis.predict(seen), activation, link)
        left_out = seen if channels.left_out is None else channels.left_out[order]
        unseen = Ending(p, left_out[:, kept], basis.predict(left_out), activation, link)
    fit = closed(end, unseen, kernel, bias, seed=sides.seed)
    if fit is None:
        return False
    matrix, constant = fit.matrix, fit.constant
    if head.link == "softmax":
        # Softmax does not see what all logits share, so nothing in the fit held it; int8 would.
        matrix = matrix - (matrix - kernel).mean(axis=1, keepdims=True)
        constant = constant - (constant - bias).mean()
    sides.pruned.replace(last, {0: matrix.astype(np.float32), 1: constant.astype(np.float32)})
    if head.hidden is not None and channels is not None and basis is not None:
        layer = graph.calls[head.hidden].layer
        kernel, bias = sides.pruned.weights(layer)
        correction = basis.matrix @ fit.correction
        kernel = kernel + channels.matrix @ correction
        bias = bias + channels.constant @ correction + basis.constant @ fit.correction
        sides.pruned.replace(layer, {0: kernel.astype(np.float32), 1: bias.astype(np.float32)})
    return True


def _mix(sides: Sides, call: int) -> Mix:
    return next(mix for mix in mixes_of(sides.dependencies) if mix.call == call)


def _kept(sides: Sides, call: int) -> np.ndarray:
    return _mix(sides, call).columns_kept(sides.keep)


def _all_units(sides: Sides, call: int, wide: Mapping[int, Fit]) -> Fit:
    """From what the pruned network feeds a hidden layer to every channel that the original's has."""
    if call in wide:
        return wide[call]
    mix = _mix(sides, call)
    kernel, bias = sides.original.weights(mix.layer)
    return Fit(kernel[mix.rows_kept(sides.keep)].astype(np.float64), bias.astype(np.float64))


def _basis(channels: np.ndarray) -> Fit:
    """Features of channels (n, U): they themselves, or the directions in which many vary most; and a 1."""
    size = channels.shape[1]
    matrix = np.eye(size)
    if size > MOST_FEATURES:
        centred = channels - channels.mean(axis=0)
        _, vectors = np.linalg.eigh(centred @ centred.T)
        matrix = centred.T @ vectors[:, -MOST_FEATURES:]
        matrix /= np.linalg.norm(matrix, axis=0) + 1e-12
    constant = np.append(-(channels.mean(axis=0) @ matrix), 1.0)
    return Fit(np.concatenate([matrix, np.zeros((size, 1))], axis=1), constant)
