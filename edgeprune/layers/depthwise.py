"""Depthwise convolutions: kernel (*window, in, multiplier); output i·multiplier + m reads input i.

A depthwise layer makes no choice of its own: its outputs are the channels of its input.
"""

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelSpace, Flow, Layer, WeightFlow, channel_ids
from edgeprune.layers.convolution import channel_axis, positions
from edgeprune.layers.rule import ChannelwiseRule, ConstantElements, scaled_to_zero, with_bias


class DepthwiseRule(ChannelwiseRule):
    """DepthwiseConv1D and DepthwiseConv2D."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = channel_axis(view)
        read = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        made = np.repeat(read, int(view.option("depth_multiplier", 1)))
        window = (None,) * (len(view.layer.weight_shapes[0]) - 2)
        kernels = [WeightFlow((*window, read, None), reuse=positions(view, axis))]
        return Flow((channel_ids.along(made, axis, view.output),), with_bias(view, kernels, made)[0])

    def constant_elements(self, layer: Layer, flow: Flow, weights: Arrays) -> ConstantElements | None:
        """A window of zeros, in every output of an input channel."""
        return scaled_to_zero(flow.weights[0], weights[0])
