"""Which results of a linear layer a ReLU throws away, so that a repair need not care about them.

    layer → [batch normalization] → ReLU        active where  side · (z - threshold) > 0

A batch normalization y = (z - m)·g/s + b, s = √(v + eps), moves the threshold from 0 to m - b·s/g,
and turns the side with the sign of g.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.layers.normalization import normalized_axis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.graph.model_graph import Call, Layer, ModelGraph, Shape
    from edgeprune.pruning.network import Network


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
        beyond = self.threshold + self.side * np.minimum(self.side * (predicted - self.threshold), 0)
        return np.where(self.side * (target - self.threshold) > 0, target, beyond)


def relu_target(network: Network, call: int) -> ReluTarget | None:
    """How the result of a call is rectified; None where it is not.

    Args:
        network: the original.
        call: index of a layer that mixes linearly.
    """
    graph = network.graph
    made = graph.calls[call]
    layer = graph.layers[made.layer]
    width = int(made.outputs[0].shape[-1] or 0)
    plain = ReluTarget(np.zeros(width), np.ones(width))
    if layer.config.get("activation", "linear") == "relu":
        return plain
    if layer.config.get("activation", "linear") not in ("linear", None):
        return None
    following = _only_consumer(graph, made)
    if following is None:
        return None
    if graph.layers[following.layer].kind != "BatchNormalization":
        return plain if _is_relu(graph.layers[following.layer]) else None
    after = _only_consumer(graph, following)
    if after is None or not _is_relu(graph.layers[after.layer]):
        return None
    return _through(graph.layers[following.layer], network.weights(following.layer), made.outputs[0].shape)


def _through(norm: Layer, weights: list[np.ndarray], shape: Shape) -> ReluTarget | None:
    named: Mapping[str, np.ndarray] = dict(zip(norm.weight_names, weights, strict=True))
    if "moving_mean" not in named or normalized_axis(norm, len(shape)) != len(shape) - 1:
        return None
    width = len(named["moving_mean"])
    scale = named.get("gamma", np.ones(width)).astype(np.float64)
    deviation = np.sqrt(named["moving_variance"] + float(norm.config.get("epsilon", 1e-3)))
    scale = np.where(np.abs(scale) < 1e-12, 1e-12, scale)
    threshold = named["moving_mean"] - named.get("beta", np.zeros(width)) * deviation / scale
    return ReluTarget(threshold, np.sign(scale))


def _is_relu(layer: Layer) -> bool:
    if layer.kind == "ReLU":
        return not layer.config.get("negative_slope") and not layer.config.get("threshold")
    return layer.kind == "Activation" and layer.config.get("activation") in ("relu", "relu6")


def _only_consumer(graph: ModelGraph, call: Call) -> Call | None:
    """The one call that uses a call's result; None for several, or where the model returns it."""
    index = call.outputs[0].index
    users = [other for other in graph.calls if any(tensor.index == index for tensor in other.inputs)]
    returned = any(tensor.index == index for tensor in graph.outputs)
    return users[0] if len(users) == 1 and not returned else None
