"""Means and covariances of what every linear read sees on calibration data.

    mean = E[x],   covariance = E[(x - mean)(x - mean)ᵀ]      x: a row of X, see `kernel_reads`

Centred, because whatever is constant moves into the bias and costs nothing.
"""

import collections
import dataclasses
from collections.abc import Callable

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.pruning import kernel_reads as reading
from edgeprune.pruning.kernel_reads import ChannelPooling, KernelRead
from edgeprune.pruning.network import Data, Network
from edgeprune.pruning.samples import count, take

MOST_ROWS_KEPT = 1024

ROWS_PER_READ = 20_000
"""Rows drawn for each read: enough for 1600 columns."""


STATE_NOISE = 0.1
"""Variance that is added to that of each recurrent state, in units of the state's mean square.

A pruned layer's states are wrong by some of it, and a kernel that leans on small differences blows that up.
"""


@dataclasses.dataclass(frozen=True)
class Moments:
    """What one read saw: mean and channel (R,) of its rows, their covariance (R, R) and the kernel W (R, O).

    Where the rows of a channel are pooled, R is C and W is (C, taps·O), and `rows` is X (n, R) itself if n is
    small, for a better map than the moments give.
    """

    read: KernelRead
    mean: np.ndarray
    covariance: np.ndarray
    matrix: np.ndarray
    channels: np.ndarray
    pooling: ChannelPooling | None
    samples: int
    rows: np.ndarray | None = None


def collect_moments(
    network: Network, dependencies: DependencyGraph, data: Data, *, batch: int, seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Moments, ...]:
    """Collects the moments of every read that prunable channels go into, with `batch` samples in memory.

    There are none of a read that saw no row, because a mask hides every step.
    """
    sums = [_Sum(read, network) for read in reading.kernel_reads(dependencies) if read.channels.any()]
    by_call = collections.defaultdict(list)
    for one in sums:
        by_call[one.read.call].append(one)
    total = count(data)
    for start in range(0, total, batch):
        part = take(data, slice(start, start + batch))
        rows = max(1, ROWS_PER_READ * count(part) // total)
        for step in network.steps(part):
            for place, one in enumerate(by_call.get(step.number, ())):
                generator = np.random.default_rng((seed, start, step.number, place))
                one.add(one.read.draw(step, network.weights(one.read.layer), generator, rows))
        progress(min(1.0, (start + batch) / total))
    return tuple(one.moments() for one in sums if one.count)


class _Sum:
    """Adds rows up; the first batch's mean is taken off at once, for the sake of precision."""

    def __init__(self, read: KernelRead, network: Network) -> None:
        self.read = read
        matrix = read.matrix(network.weights(read.layer)[read.linear.kernel]).astype(np.float64)
        is_large = len(matrix) > reading.LARGEST_EXACT
        self.pooling = reading.channel_pooling(read.raw_channels) if is_large else None
        self._matrix, self._channels = matrix, read.channels
        if self.pooling is not None:
            self._matrix = self.pooling.matrix(matrix)
            self._channels = read.channels[self.pooling.order[:: len(matrix) // self.pooling.count]]
        size = len(self._matrix)
        self._offset: np.ndarray | None = None
        self._first = np.zeros(size)
        self._second = np.zeros((size, size))
        self.count = 0
        self._free = MOST_ROWS_KEPT
        self._kept: list[np.ndarray] = []

    def add(self, x: np.ndarray) -> None:
        if not len(x):
            return
        if self.pooling is not None:
            if len(x) <= self._free:
                self._kept.append(x)
                self._free -= len(x)
            x = self.pooling.samples(x)
        if self._offset is None:
            self._offset = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        x = x.astype(np.float32) - self._offset
        self._first += x.sum(axis=0, dtype=np.float64)
        self._second += x.T @ x
        self.count += len(x)

    def moments(self) -> Moments:
        mean = self._first / self.count
        covariance = self._second / self.count - np.outer(mean, mean)
        whole = mean + (0.0 if self._offset is None else self._offset)
        if self.read.linear.recurs:
            covariance[np.diag_indices(len(mean))] += STATE_NOISE * (np.diag(covariance) + whole**2)
        return Moments(
            self.read, whole, covariance, self._matrix, self._channels, self.pooling, self.count,
            np.concatenate(self._kept) if self._kept else None,
        )
