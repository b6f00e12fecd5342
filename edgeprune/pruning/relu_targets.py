"""Which results of a linear layer a ReLU throws away, so that a refit need not care about them.

    layer → [batch normalization] → ReLU        active where  side · (z - threshold) > 0

A batch normalization y = (z - m)·g/s + b, s = √(v + eps), moves the threshold from 0 to m - b·s/g,
and turns the side with the sign of g.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.graph.model_graph import Layer
from edgeprune.layers import rule_for
from edgeprune.pruning.network import Network

_ROWS = 128


@dataclasses.dataclass(frozen=True)
class ReluTarget:
    """Where each column of a layer's result counts; both broadcast against (n, O)."""

    threshold: np.ndarray
    side: np.ndarray

    def columns(self, kept: np.ndarray) -> ReluTarget:
        """The same for some of the columns."""
        return ReluTarget(self.threshold[kept], self.side[kept])

    def relaxed(self, target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """The target, moved to the prediction wherever both are on the side that is thrown away."""
        made = np.empty_like(target)
        for start in range(0, len(target), _ROWS):  # what lies between fits into the processor's cache
            rows = slice(start, start + _ROWS)
            made[rows] = self._relaxed(target[rows], predicted[rows])
        return made

    def _relaxed(self, target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        beyond = self.threshold + self.side * np.minimum(self.side * (predicted - self.threshold), 0)
        return np.where(self.side * (target - self.threshold) > 0, target, beyond)


def relu_target(network: Network, call: int) -> ReluTarget | None:
    """Where the columns that a call of the original makes count; None where no ReLU follows."""
    graph = network.graph
    made = graph.calls[call]
    layer, shape = graph.layers[made.layer], made.outputs[0].shape
    width = int(shape[-1] or 0)
    plain = ReluTarget(np.zeros(width), np.ones(width))
    activation = rule_for(layer).activation(layer)
    if activation == "relu":
        return plain
    following = graph.only_consumer(made) if activation == "linear" else None
    if following is None or _is_relu(graph.layers[following.layer]):
        return None if following is None else plain
    after = graph.only_consumer(following)
    if after is None or not _is_relu(graph.layers[after.layer]):
        return None
    norm = graph.layers[following.layer]
    crossing = rule_for(norm).zero_crossing(norm, network.weights(norm.path), len(shape))
    return None if crossing is None else ReluTarget(*crossing)


def _is_relu(layer: Layer) -> bool:
    is_activation = not layer.weight_shapes
    return is_activation and rule_for(layer).activation(layer) in ("relu", "relu6", "capped_relu")
