"""Tunes the output heads of a compacted model once all layers have been refitted.

The arithmetic is in `edgeprune.pruning.head_fit`. Where the hidden layer was fitted to few samples, its
left-out predictions stand in for its results: they err as the layer will on new samples, and the layer
behind it should be fitted to that.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.layers.activation import NUMPY_ACTIVATIONS
from edgeprune.pruning.head_fit import MOST_FEATURES, HeadSamples, fit_head
from edgeprune.pruning.heads import Head, heads_of
from edgeprune.pruning.kernel_reads import KernelRead, kernel_reads
from edgeprune.pruning.least_squares import Fit
from edgeprune.pruning.network_pair import NetworkPair
from edgeprune.pruning.output_link import OutputLink

MOST_SAMPLES = 2048


def tune_heads(
    pair: NetworkPair, reference: Sequence[np.ndarray], inputs: Mapping[int, np.ndarray],
    wide: Mapping[int, Fit],
) -> int:
    """Fits every head of the pruned network, in place, once all its layers are refitted; how many changed.

    Args:
        reference: the original's outputs on the calibration samples.
        inputs: by `Head.input_call`, what the pruned network feeds the heads' layers.
        wide: by call of a hidden layer, the fit of *all* channels of the original, removed or not, to
            what the pruned network feeds the layer.
    """
    done = 0
    for head in heads_of(pair.dependencies):
        wanted = reference[head.output]
        order = np.random.default_rng(pair.seed).permutation(len(wanted))[:MOST_SAMPLES]
        x = np.asarray(inputs[head.input_call][order], np.float64)
        done += _tune(pair, head, np.asarray(wanted, np.float64)[order], x, wide, order)
    return done


def _tune(
    pair: NetworkPair, head: Head, p: np.ndarray, x: np.ndarray, wide: Mapping[int, Fit], order: np.ndarray
) -> bool:
    graph = pair.dependencies.graph
    last = graph.calls[head.last].layer
    kernel, bias = (array.astype(np.float64) for array in pair.pruned.weights(last))
    scale = max(float(p.var(axis=0).mean()), 1e-12) if head.link == "linear" else 1.0
    link = OutputLink(head.link, scale)
    if head.hidden is None:
        end = unseen = HeadSamples(p, x, None, NUMPY_ACTIVATIONS["linear"], link)
        basis = channels = None
    else:
        read = next(read for read in kernel_reads(pair.dependencies) if read.call == head.hidden)
        channels = wide[head.hidden] if head.hidden in wide else _original(pair, read)
        kept, activation = read.columns_kept(pair.keep), NUMPY_ACTIVATIONS[head.activation]
        seen = channels.predict(x)
        basis = _basis(seen)
        end = HeadSamples(p, seen[:, kept], basis.predict(seen), activation, link)
        left_out = seen if channels.left_out is None else channels.left_out[order]
        unseen = HeadSamples(p, left_out[:, kept], basis.predict(left_out), activation, link)
    fit = fit_head(end, unseen, kernel, bias, seed=pair.seed)
    if fit is None:
        return False
    matrix, constant = fit.matrix, fit.constant
    if head.link == "softmax":
        # Softmax does not see what all logits share, so nothing in the fit held it; int8 would.
        matrix = matrix - (matrix - kernel).mean(axis=1, keepdims=True)
        constant = constant - (constant - bias).mean()
    pair.pruned.replace(last, {0: matrix.astype(np.float32), 1: constant.astype(np.float32)})
    if head.hidden is not None and channels is not None and basis is not None:
        layer = graph.calls[head.hidden].layer
        kernel, bias = pair.pruned.weights(layer)
        correction = basis.matrix @ fit.correction
        kernel = kernel + channels.matrix @ correction
        bias = bias + channels.constant @ correction + basis.constant @ fit.correction
        pair.pruned.replace(layer, {0: kernel.astype(np.float32), 1: bias.astype(np.float32)})
    return True


def _original(pair: NetworkPair, read: KernelRead) -> Fit:
    """From what the pruned network feeds a hidden layer to every channel that the original's has."""
    kernel, bias = pair.original.weights(read.layer)
    return Fit(kernel[read.rows_kept(pair.keep)].astype(np.float64), bias.astype(np.float64))


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
