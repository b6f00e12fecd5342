"""Where the constant part of a refitted read can go: its bias, or the batch normalization behind it.

BN(z + c) with moving mean m  =  BN(z) with moving mean m - c
"""

import dataclasses

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.layers import rule_for
from edgeprune.pruning.kernel_reads import KernelRead
from edgeprune.pruning.network import Network


@dataclasses.dataclass(frozen=True)
class MovableBias:
    """A layer's weight vector that a constant can be added to, or taken off where the sign is -1.

    It is one `row` of the weight where that has several.
    """

    layer: str
    index: int
    sign: int
    row: int | None = None

    def value(self, network: Network, shape: tuple[int, ...] = (-1,)) -> np.ndarray:
        """The constant that is there now."""
        weight = network.weights(self.layer)[self.index]
        return self.sign * (weight if self.row is None else weight[self.row]).reshape(shape)

    def moved(self, weight: np.ndarray, constant: np.ndarray) -> np.ndarray:
        """The weight with a constant added."""
        changed = weight.astype(np.float64)
        part = changed if self.row is None else changed[self.row]
        part += self.sign * constant.reshape(part.shape)
        return changed.astype(weight.dtype)

    def store(self, network: Network, value: np.ndarray) -> None:
        """Replaces it."""
        old = network.weights(self.layer)[self.index]
        if self.row is None:
            new = (self.sign * value).reshape(old.shape).astype(old.dtype)
        else:
            new = old.copy()
            new[self.row] = self.sign * value
        network.replace(self.layer, {self.index: new})


def movable_bias(dependencies: DependencyGraph, read: KernelRead) -> MovableBias | None:
    """The place of a read's constant; None where it has none."""
    graph = dependencies.graph
    if read.linear.bias is not None:
        return MovableBias(read.layer, read.linear.bias, 1, read.linear.bias_row)
    call = graph.calls[read.call]
    alone = len(dependencies.flows[read.call].reads) == len(call.outputs) == 1
    if not alone or read.linear.passing is not None:
        return None
    if (consumer := graph.only_consumer(call)) is None:
        return None
    layer = graph.layers[consumer.layer]
    calls = [other for other in graph.calls if other.layer in (layer.path, read.layer)]
    index = rule_for(layer).centre(layer)
    if index is None or len(calls) != 2:
        return None
    along_columns = dependencies.layer_flows[layer.path][index].axes[0] is not None
    return MovableBias(layer.path, index, -1) if along_columns else None
