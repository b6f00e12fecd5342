"""Batch normalization: one scale and shift for each place along one axis, as a rule per channel."""

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelSpace, Flow, Layer, WeightFlow, channel_ids
from edgeprune.layers.operation import axes_of
from edgeprune.layers.rule import ChannelwiseRule, ConstantElements, scaled_to_zero


class BatchNormalizationRule(ChannelwiseRule):
    """Statistics per channel, over everything else: channels do not meet."""

    elementwise = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        axis = normalized_axis(view.layer, ids.ndim)
        own = axis in channel_ids.varying_axes(ids)
        line = space.fix_unless_vector(ids, axis, view.layer.path) if own else None
        return Flow((ids,), tuple(WeightFlow((line,)) for _ in view.layer.weight_shapes))

    def constant_elements(self, layer: Layer, flow: Flow, weights: Arrays) -> ConstantElements | None:
        return scaled_to_zero(flow.weights[0], weights[0]) if "gamma" in layer.weight_names else None

    def centre(self, layer: Layer) -> int | None:
        return layer.weight_names.index("moving_mean") if "moving_mean" in layer.weight_names else None

    def zero_crossing(
        self, layer: Layer, weights: Arrays, rank: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """(x - m)·g/s + b with s = √(v + ε) crosses 0 at m - b·s/g, with the sign of g."""
        named = dict(zip(layer.weight_names, weights, strict=True))
        if "moving_mean" not in named or normalized_axis(layer, rank) != rank - 1:
            return None
        width = len(named["moving_mean"])
        scale = named.get("gamma", np.ones(width)).astype(np.float64)
        deviation = np.sqrt(named["moving_variance"] + float(layer.config.get("epsilon", 1e-3)))
        scale = np.where(np.abs(scale) < 1e-12, 1e-12, scale)
        return named["moving_mean"] - named.get("beta", np.zeros(width)) * deviation / scale, np.sign(scale)


def normalized_axis(layer: Layer, rank: int) -> int:
    """The axis along which a batch normalization has its numbers."""
    return axes_of(layer.config.get("axis", -1), rank)[0]
