"""A linear read as matrices: z = X·W + b, with the channel behind every row and column of W.

A kernel with axes (rows…, others) becomes W (R, O): R is the product of the axes that are summed
over, in the order of the columns of X (`LinearRead.samples`), O that of the other axes.

Where R is large and every channel has the same number of rows (window taps, or positions after a
Flatten), all of them can share one CxC matrix of moments: *shared* rows.

    X (n, R) → (n·taps, C)          W (R, O) → (C, taps·O)
"""

import dataclasses

import numpy as np

from edgeprune.graph import DependencyGraph, LinearRead
from edgeprune.pruning.network import PendingCall

LARGEST_EXACT = 1600
"""Rows up to which a kernel's moments are kept whole; above it they are shared between taps."""


@dataclasses.dataclass(frozen=True)
class KernelRead:
    """One read of one call.

    Attributes:
        call: index into ``graph.calls``.
        row_channels: (R, number of row axes) channel behind each row, along each of its axes; 0 for none.
        raw_channels: (R,) which channel each row belongs to: its channel's raw id, or its own number.
        column_channels: (O, number of other axes) likewise for the columns.
    """

    call: int
    layer: str
    linear: LinearRead
    row_channels: np.ndarray
    raw_channels: np.ndarray
    column_channels: np.ndarray
    shape: tuple[int, ...]

    @property
    def kernel_key(self) -> tuple[object, ...]:
        """Is the same for all calls that read with the same kernel in the same way."""
        return self.layer, self.linear.kernel, self.linear.rows

    @property
    def channels(self) -> np.ndarray:
        """(R,) the channel along the channel axis, the last of the row axes."""
        return self.row_channels[:, -1]

    @property
    def others(self) -> tuple[int, ...]:
        """The kernel's axes that are not summed over."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.linear.rows)

    def matrix(self, kernel: np.ndarray) -> np.ndarray:
        """W (R, O) of a kernel, of this shape or smaller."""
        rows = int(np.prod([kernel.shape[axis] for axis in self.linear.rows]))
        return np.asarray(kernel.transpose(*self.linear.rows, *self.others).reshape(rows, -1))

    def kernel(self, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The inverse of `matrix` for a kernel of some shape."""
        order = (*self.linear.rows, *self.others)
        return np.asarray(matrix.reshape([shape[axis] for axis in order]).transpose(np.argsort(order)))

    def rows_kept(self, keep: np.ndarray) -> np.ndarray:
        """(R,) True where a row stays."""
        return np.asarray(keep[self.row_channels].all(axis=1))

    def columns_kept(self, keep: np.ndarray) -> np.ndarray:
        """(O,) True where a column stays."""
        return np.asarray(keep[self.column_channels].all(axis=1))

    def draw(
        self, step: PendingCall, weights: list[np.ndarray], generator: np.random.Generator, number: int,
        samples: np.ndarray | None = None, passing: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draws X (n, R), `number` rows at most, from a call's inputs; padding that a mask hides is left out.

        The same state of the generator gives the same positions in an original and its pruned copy. `samples`
        are positions along the batch to draw from, with repetition; None for all. `passing` are those along
        the axis of `LinearRead.passing`.
        """
        arrays, masks = step.arrays, step.masks
        if samples is not None:
            arrays = tuple(array[samples] if array.ndim else array for array in arrays)
            masks = tuple(None if mask is None else mask[samples] for mask in masks)
        if self.linear.hidden is not None:
            return self.linear.samples(self.linear.hidden(arrays, weights, masks), generator, number)
        array, mask = arrays[self.linear.source], masks[self.linear.source]
        if mask is not None and array.ndim == 3 and self.linear.by_step:
            array = array[mask][:, None]
        if passing is not None and self.linear.passing is not None:
            array = np.take(array, passing, self.linear.passing[0])
        return self.linear.samples(array, generator, number)


@dataclasses.dataclass(frozen=True)
class ChannelPooling:
    """The order (R,) of rows by (channel, tap), and the number C of channels."""

    order: np.ndarray
    count: int

    def samples(self, x: np.ndarray) -> np.ndarray:
        """X (n, R) to (n·taps, C)."""
        taps = len(self.order) // self.count
        split = x[:, self.order].reshape(len(x), self.count, taps)
        return np.asarray(split.transpose(0, 2, 1).reshape(-1, self.count))

    def matrix(self, matrix: np.ndarray) -> np.ndarray:
        """W (R, O) to (C, taps·O)."""
        return np.asarray(matrix[self.order].reshape(self.count, -1))

    def unpooled(self, matrix: np.ndarray) -> np.ndarray:
        """The inverse of `matrix`."""
        whole = np.empty((len(self.order), matrix.size // len(self.order)), matrix.dtype)
        whole[self.order] = matrix.reshape(whole.shape)
        return whole


def channel_pooling(channels: np.ndarray) -> ChannelPooling | None:
    """How rows can share moments by channel; None where channels have different numbers of rows."""
    _, counts = np.unique(channels, return_counts=True)
    if counts.min() != counts.max() or counts[0] == 1:
        return None
    return ChannelPooling(np.argsort(channels, kind="stable"), len(counts))


def kernel_reads(dependencies: DependencyGraph) -> tuple[KernelRead, ...]:
    """Every read of a model, in the order of its calls."""
    return tuple(
        _kernel_read(dependencies, number, read)
        for number, flow in enumerate(dependencies.flows) for read in flow.reads
    )


def _combinations(axes: list[np.ndarray]) -> np.ndarray:
    """(product of the sizes, number of axes)."""
    return np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")], axis=1)


def _kernel_read(dependencies: DependencyGraph, call: int, read: LinearRead) -> KernelRead:
    layer = dependencies.graph.calls[call].layer
    shape = dependencies.graph.layers[layer].weight_shapes[read.kernel]
    axes = dependencies.flows[call].weights[read.kernel].axes
    raw = [
        np.zeros(size, int) if ids is None else np.asarray(ids) for size, ids in zip(shape, axes, strict=True)
    ]
    rows = _combinations([raw[axis] for axis in read.rows])
    columns = _combinations([raw[axis] for axis in range(len(shape)) if axis not in read.rows])
    places = np.tile(np.arange(shape[read.rows[-1]]), len(rows) // shape[read.rows[-1]])
    channels = np.where(rows[:, -1] > 0, rows[:, -1], -1 - places)
    return KernelRead(
        call, layer, read, dependencies.channel_of[rows], channels, dependencies.channel_of[columns], shape
    )
