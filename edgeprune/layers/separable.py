"""Separable convolutions: a depthwise kernel (*window, in, m), then a pointwise one (1…, in·m, out).

What the pointwise half reads is no tensor of the graph; it is computed from the layer's input.
"""

import functools

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelSpace, Flow, LinearRead, Masks, WeightFlow, channel_ids
from edgeprune.layers.activation import made_channels
from edgeprune.layers.convolution import channel_axis, positions, window_of
from edgeprune.layers.dense import vectors
from edgeprune.layers.patches import Window, channels_last
from edgeprune.layers.rule import LinearRule, with_bias


class SeparableConvolutionRule(LinearRule):
    """SeparableConv1D and SeparableConv2D."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = channel_axis(view)
        read = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        made = made_channels(view, "filters", space)
        kernel = view.layer.weight_shapes[0]
        window = (None,) * (len(kernel) - 2)
        between = np.repeat(read, kernel[-1])
        reuse = positions(view, axis)
        kernels = [WeightFlow((*window, *axes), reuse=reuse) for axes in ((read, None), (between, made))]
        weights, bias = with_bias(view, kernels, made)
        hidden = functools.partial(depthwise, window=window_of(view, kernel))
        pointwise = LinearRead(0, kernel=1, bias=bias, rows=(len(window),), samples=vectors, hidden=hidden)
        return Flow(
            (channel_ids.along(made, axis, view.output),), weights, (pointwise,), sizes={"filters": made}
        )


def depthwise(inputs: Arrays, weights: Arrays, masks: Masks, *, window: Window) -> np.ndarray:
    """The depthwise half: (N, *space, in) and (*window, in, m) to (N, *space', in·m), channels last."""
    del masks
    x = channels_last(inputs[0], window)
    kernel = weights[0]
    before, sizes = window.geometry(x.shape[1:-1])
    after = [
        max((size - 1) * step + window.reach(axis) - start - length, 0)
        for axis, (size, step, start, length) in enumerate(
            zip(sizes, window.strides, before, x.shape[1:-1], strict=True)
        )
    ]
    padded = np.pad(x, [(0, 0), *zip(before, after, strict=True), (0, 0)])
    total = np.zeros((len(x), *sizes, *kernel.shape[-2:]), x.dtype)
    for tap in np.ndindex(*window.size):
        cut = tuple(
            slice(offset * spread, offset * spread + (size - 1) * step + 1, step)
            for offset, spread, size, step in zip(tap, window.dilation, sizes, window.strides, strict=True)
        )
        index = (slice(None), *cut)
        total += padded[index][..., None] * kernel[tap]
    return total.reshape(len(x), *sizes, -1)
