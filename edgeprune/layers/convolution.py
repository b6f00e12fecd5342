"""Convolutions: kernel (*window, in / groups, out), one, two or three window axes.

groups = 1            every output reads every input channel
groups = in           depthwise: outputs live and die with the input they read
otherwise             every group keeps the same positions, so that groups stay equally wide
"""

import functools

import numpy as np

from edgeprune.graph import Argument, ChannelIds, ChannelSpace, Config, KeepMask, channel_ids
from edgeprune.graph.flow import CallView, Flow, LinearRead, WeightFlow
from edgeprune.layers.activation import made_channels
from edgeprune.layers.patches import Window, patches
from edgeprune.layers.position_mixing import mixing, passing_axis
from edgeprune.layers.rule import LinearRule, with_bias


class ConvolutionRule(LinearRule):
    """Conv1D, Conv2D, Conv3D."""

    maskable = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        passing = passing_axis(view, channel_axis(view))
        if passing is not None and _is_pointwise(view):
            return mixing(view, (passing, passing), space, self._own)
        if passing is not None:
            space.fix(view.inputs[0], view.layer.path, "slides over its neurons, so that their order counts")
        return self._own(view, space)

    def _own(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = channel_axis(view)
        read = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        made = made_channels(view, "filters", space)
        groups = int(view.option("groups", 1))
        rows = self._tie_groups(read, made, groups, space)
        kernel = view.layer.weight_shapes[0]
        window: tuple[ChannelIds | None, ...] = (None,) * (len(kernel) - 2)
        kernels = [WeightFlow((*window, rows, made), reuse=positions(view, axis))]
        weights, bias = with_bias(view, kernels, made)
        reads = () if groups > 1 else (self._read(view, bias),)
        output = channel_ids.along(made, axis, view.output)
        return Flow((output,), weights, reads, sizes={"filters": made})

    @staticmethod
    def _tie_groups(read: ChannelIds, made: ChannelIds, groups: int, space: ChannelSpace) -> ChannelIds:
        """Unites what grouping ties; returns the ids along the kernel's input axis."""
        if groups == 1:
            return read
        if groups == len(read):
            space.unite(np.repeat(read, len(made) // groups), made)
            return np.zeros(1, int)
        for channels in (read, made):
            by_group = channels.reshape(groups, -1)
            space.unite(by_group[1:], by_group[:1])
        return np.asarray(read.reshape(groups, -1)[0])

    @staticmethod
    def _read(view: CallView, bias: int | None) -> LinearRead:
        window = window_of(view, view.layer.weight_shapes[0])
        draw = functools.partial(patches, window=window)
        return LinearRead(0, kernel=0, bias=bias, rows=tuple(range(len(window.size) + 1)), samples=draw)

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """A depthwise convolution has as many groups as inputs."""
        changed = dict(super().resize(view, flow, kept))
        groups = int(view.option("groups", 1))
        if groups > 1 and view.layer.weight_shapes[0][-2] == 1:
            changed["groups"] = changed["filters"] * groups // int(view.option("filters"))
        return changed

    def folds_constants(self, view: CallView, read: LinearRead) -> bool:
        """Unless zero padding gives the border another sum."""
        return bool(view.option("padding", "valid") == "valid")

    def channels_may_go(self, view: CallView) -> bool:
        """Groups of a grouped convolution must stay equally wide."""
        return int(view.option("groups", 1)) == 1


def _is_pointwise(view: CallView) -> bool:
    """Whether each position of the output is made of the same one of the input alone, as by a Dense layer."""
    sizes = view.layer.weight_shapes[0][:-2]
    strides = per_axis(view.option("strides", 1), len(sizes))
    return {*sizes, *strides, int(view.option("groups", 1))} == {1}


def window_of(view: CallView, kernel: tuple[int, ...]) -> Window:
    """The geometry in the configuration, for a kernel with two axes of channels at its end."""
    rank = len(kernel) - 2
    return Window(
        size=tuple(kernel[:rank]),
        strides=per_axis(view.option("strides", 1), rank),
        dilation=per_axis(view.option("dilation_rate", 1), rank),
        padding=str(view.option("padding", "valid")),
        channels_first=view.option("data_format") == "channels_first",
    )


def per_axis(value: Argument, rank: int) -> tuple[int, ...]:
    """One number for all axes, or one for each."""
    return tuple(int(one) for one in value) if isinstance(value, (list, tuple)) else (int(value),) * rank


def channel_axis(view: CallView) -> int:
    """Where the channels of the layer's input and output are."""
    return 1 if view.option("data_format") == "channels_first" else len(view.output) - 1


def positions(view: CallView, axis: int) -> int:
    """Output positions, so how often each kernel element is used."""
    sizes = channel_ids.static(view.output)
    return int(np.prod([size for other, size in enumerate(sizes) if other not in (0, axis)]))
