"""Transposed convolutions: kernel (*window, out, in)."""

import functools

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, LinearRead, WeightFlow, channel_ids
from edgeprune.layers.activation import made_channels
from edgeprune.layers.convolution import channel_axis, window_of
from edgeprune.layers.patches import transposed_patches
from edgeprune.layers.rule import LinearRule, with_bias


class ConvolutionTransposeRule(LinearRule):
    """Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = channel_axis(view)
        rows = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        made = made_channels(view, "filters", space)
        kernel = view.layer.weight_shapes[0]
        sizes = channel_ids.static(view.call.inputs[0].shape)
        reuse = int(np.prod([size for other, size in enumerate(sizes) if other not in (0, axis)]))
        kernels = [WeightFlow((*(None,) * (len(kernel) - 2), made, rows), reuse=reuse)]
        weights, bias = with_bias(view, kernels, made)
        output = channel_ids.along(made, axis, view.output)
        return Flow((output,), weights, _reads(view, kernel, bias), sizes={"filters": made})


def _reads(view: CallView, kernel: tuple[int, ...], bias: int | None) -> tuple[LinearRead, ...]:
    """None with an `output_padding`, which shifts the taps."""
    padding = view.option("output_padding")
    if isinstance(padding, (list, tuple)):
        padding = None if all(one is None for one in padding) else padding
    if padding is not None:
        return ()
    rank = len(kernel) - 2
    draw = functools.partial(transposed_patches, window=window_of(view, kernel))
    return (LinearRead(0, kernel=0, bias=bias, rows=(*range(rank), rank + 1), samples=draw),)
