"""Depthwise convolutions: kernel (*window, in, multiplier); output i·multiplier + m reads input i.

A depthwise layer makes no choice of its own: its outputs are the channels of its input.
"""

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelIds, ChannelSpace, Flow, Layer, WeightFlow, channel_ids
from edgeprune.layers.convolution import channel_axis, positions
from edgeprune.layers.rule import ChannelwiseRule, scaled_to_zero


class DepthwiseRule(ChannelwiseRule):
    """DepthwiseConv1D and DepthwiseConv2D."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = channel_axis(view)
        read = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        made = np.repeat(read, int(view.option("depth_multiplier", 1)))
        window = (None,) * (len(view.layer.weight_shapes[0]) - 2)
        weights = [WeightFlow((*window, read, None), reuse=positions(view, axis))]
        if view.option("use_bias", True):
            weights.append(WeightFlow((made,)))
        return Flow((channel_ids.along(made, axis, view.output),), tuple(weights))

    def constant_elements(
        self, layer: Layer, flow: Flow, weights: Arrays
    ) -> tuple[ChannelIds, np.ndarray] | None:
        """A window of zeros, in every output of an input channel."""
        return scaled_to_zero(flow.weights[0], weights[0])
