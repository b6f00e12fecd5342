"""What a Dense layer reads after a Flatten, guessed at each place from the kept channels around it.

    X̂[q, c] = Σ_offset Σ_j Y[q + offset, j] · M[offset, j, c] + m[c]        q: a place of the map

One M for all places, so that even a thousand samples determine it: every place of every sample is
a row. Put through the kernel W[q, c, o] it becomes an ordinary kernel for the kept channels:

    S[p, j, o] = Σ_offset Σ_c M[offset, j, c] · W[p - offset, c, o]

With the offset 0 alone this is a map between channels; with the neighbours it also uses that they
see overlapping parts of the image.
"""

import itertools

import numpy as np

from edgeprune.graph.model_graph import ModelGraph
from edgeprune.layers import rule_for
from edgeprune.pruning.kernel_reads import LARGEST_EXACT, KernelRead, channel_pooling
from edgeprune.pruning.least_squares import Fit, ridge

RIDGE = 1e-4
MOST_COLUMNS = 1600
ROWS = 20_000


def places_of(graph: ModelGraph, read: KernelRead) -> tuple[int, ...] | None:
    """The space axes that were flattened before a layer, channels last; None where that is unknown."""
    produced_by = {tensor.index: call for call in graph.calls for tensor in call.outputs}
    call = produced_by.get(graph.calls[read.call].inputs[read.linear.source].index)
    while call is not None and rule_for(graph.layers[call.layer]).elementwise and call.inputs:
        call = produced_by.get(call.inputs[0].index)
    if call is None or not rule_for(graph.layers[call.layer]).flattens(graph.layers[call.layer]):
        return None
    shape = call.inputs[0].shape[1:-1]
    sizes = tuple(int(size) for size in shape if size is not None)
    return sizes if sizes and len(sizes) == len(shape) else None


def spatial_fit(
    graph: ModelGraph, read: KernelRead, rows: tuple[np.ndarray, np.ndarray], kept: np.ndarray,
    matrix: np.ndarray, seed: int,
) -> Fit | None:
    """One map for all places, put through a kernel; None where the kernel is small or places cannot share.

    From X (n, R) of the original, Y (n, kept rows) of the pruned network, `kept` (R,) that is True where a
    row stays, and W (R, O) to the kernel (kept rows, O), and the constant (O,) that is added to the bias.
    """
    if len(matrix) <= LARGEST_EXACT or not kept.any():
        return None
    before, after = channel_pooling(read.raw_channels), channel_pooling(read.raw_channels[kept])
    if before is None or after is None:
        return None
    taps = len(matrix) // before.count
    places = places_of(graph, read)
    if places is not None and int(np.prod(places)) != taps:
        places = None
    kernel = before.samples(matrix.T).reshape(-1, taps, before.count).transpose(1, 2, 0)
    x, y = (
        side.samples(some).reshape(len(some), taps, -1)
        for side, some in zip((before, after), rows, strict=True)
    )
    fit = spatial_map(x, y, kernel, places, seed)
    unordered = fit.matrix.reshape(taps, after.count, -1).transpose(1, 0, 2).reshape(after.count, -1)
    return Fit(after.unpooled(unordered), fit.constant)


def spatial_map(
    x: np.ndarray, y: np.ndarray, matrix: np.ndarray, places: tuple[int, ...] | None, seed: int
) -> Fit:
    """Fits the map from (n, places, k) to (n, places, C) and puts it through a kernel (places, C, O).

    The result is a kernel (places · k, O), and the constant (O,) that goes with it. `places` are the sizes of
    the space axes; None where places have no neighbours.
    """
    channels, kept = x.shape[2], y.shape[2]
    neighbours = places is not None and kept * 3 ** len(places) <= MOST_COLUMNS
    window = range(-1, 2) if neighbours else range(1)
    places = places or (x.shape[1],)
    offsets = list(itertools.product(window, repeat=len(places)))
    grid = y.reshape(len(y), *places, kept)
    rows = np.random.default_rng(seed).permutation(x.shape[0] * x.shape[1])[:ROWS]
    wanted = x.reshape(-1, channels)[rows]
    given = np.concatenate([_moved(grid, offset).reshape(-1, kept)[rows] for offset in offsets], axis=1)
    fit = ridge(given, wanted, RIDGE)
    kernel = matrix.reshape(*places, channels, -1)
    total = np.zeros((*places, kept, kernel.shape[-1]))
    for offset, part in zip(offsets, np.split(fit.matrix, len(offsets)), strict=True):
        # W is first axis here: moving it against the offset lines W[p - offset] up with p.
        back = _moved(kernel[None], tuple(-step for step in offset))[0]
        total += np.einsum("jc,...co->...jo", part, back, optimize=True)
    constant = np.einsum("c,pco->o", fit.constant, matrix)
    return Fit(total.reshape(-1, matrix.shape[-1]), constant)


def _moved(values: np.ndarray, offset: tuple[int, ...]) -> np.ndarray:
    """values[n, q + offset, …], zero outside of the map."""
    result = np.zeros_like(values)
    to, source = [slice(None)], [slice(None)]
    for step, size in zip(offset, values.shape[1:], strict=False):
        to.append(slice(max(0, -step), size - max(0, step)))
        source.append(slice(max(0, step), size - max(0, -step)))
    result[tuple(to)] = values[tuple(source)]
    return result
