"""The original and its compacted copy, which run side by side while the copy is refitted."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph import DependencyGraph, KeepMask
from edgeprune.layers import rule_for
from edgeprune.pruning.activation_statistics import ROWS_PER_READ, Moments
from edgeprune.pruning.kernel_reads import KernelRead
from edgeprune.pruning.least_squares import Fit
from edgeprune.pruning.movable_bias import movable_bias
from edgeprune.pruning.network import Network


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkPair:
    """The original and its compacted copy, whose weights change, and what the refit depends on.

    The moments are those of the original's reads, the weights (N,) tell how much each calibration sample
    counts, and `rows` is the number of positions that a kernel is fitted to, or three for each column.
    """

    original: Network
    pruned: Network
    dependencies: DependencyGraph
    keep: np.ndarray
    moments: Sequence[Moments]
    weights: np.ndarray
    seed: int
    rows: int = ROWS_PER_READ

    def moments_of(self, read: KernelRead) -> list[Moments]:
        """Moments of every call that uses a kernel."""
        return [one for one in self.moments if one.read.kernel_key == read.kernel_key]

    def factor(self, read: KernelRead) -> float:
        """What the rule multiplies the kernel with when it shrinks (the query under attention)."""
        view, flow = self.dependencies.views[read.call], self.dependencies.flows[read.call]
        kept = KeepMask(self.dependencies.channel_of, self.keep)
        return float(rule_for(view.layer).factors(view, flow, kept).get(read.linear.kernel, 1.0))

    def bias(self, read: KernelRead, columns: np.ndarray) -> np.ndarray | None:
        """The original's constant at some columns of a read, as the smaller layer holds it; None without."""
        place = movable_bias(self.dependencies, read)
        if place is None:
            return None
        value = place.value(self.original)[columns]
        return np.asarray(value * (self.factor(read) if place.layer == read.layer else 1.0))

    def store(self, read: KernelRead, fit: Fit) -> None:
        """Sets the kernel and the constant of the pruned network's layer.

        The constant of a read that recurs is added: its bias may be that of the layer's input, too.
        """
        shape = self.pruned.weights(read.layer)[read.linear.kernel].shape
        kernel = read.kernel(fit.matrix, shape).astype(np.float32)
        self.pruned.replace(read.layer, {read.linear.kernel: kernel})
        place = movable_bias(self.dependencies, read)
        if place is None:
            return
        if read.linear.recurs:
            weight = self.pruned.weights(place.layer)[place.index]
            self.pruned.replace(place.layer, {place.index: place.moved(weight, fit.constant)})
        else:
            place.store(self.pruned, fit.constant)
