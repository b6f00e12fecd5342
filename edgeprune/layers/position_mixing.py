"""Layers that mix the positions of each channel: Dense, Conv and EinsumDense of transposed tensors.

    x (N, channels, positions)  →  f(x·W + b) (N, channels, made)      W (positions, made)

The channels pass, and each of them has the neurons that W makes: ids along a second axis of the output, its
*crossing* ids. What treats every element by itself passes both on, and the next layer that mixes positions
reads them as rows. Everything else, such as the transposition back, needs all of them. So the hidden neurons
of MLP-Mixer's token mixing go, and its patches stay.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, MacTerm, WeightFlow, channel_ids


def passing_axis(view: CallView, read_axis: int) -> int | None:
    """The axis along which the channels of a layer's input pass, where it reads another one."""
    varying = channel_ids.varying_axes(view.inputs[0])
    return varying[0] if varying and read_axis % view.inputs[0].ndim not in varying else None


def mixing(
    view: CallView, axes: tuple[int, int], space: ChannelSpace, own: Callable[[CallView, ChannelSpace], Flow]
) -> Flow:
    """The flow of a layer under which channels pass, from an axis of its input to one of its output.

    `own` is the layer's flow on neurons along the axis that it reads.
    """
    before, after = axes
    line = space.fix_unless_vector(view.inputs[0], before, view.layer.path)
    given = view.crossing[0] if view.crossing else None
    plane = channel_ids.none(view.call.inputs[0].shape) if given is None else given
    flow = own(dataclasses.replace(view, inputs=(plane,), crossing=()), space)
    terms = []
    for weight, shape in zip(flow.weights, view.layer.weight_shapes, strict=False):  # it may have more: LoRA
        whole = [size for size, ids in zip(shape, weight.axes, strict=True) if ids is None]
        times = weight.reuse // len(line) * int(np.prod(whole))
        if times:
            terms.append(MacTerm((line, *(ids for ids in weight.axes if ids is not None)), times))
    return dataclasses.replace(
        flow, outputs=(channel_ids.along(line, after, view.output),), crossing=flow.outputs,
        weights=tuple(WeightFlow(weight.axes) for weight in flow.weights),
        reads=tuple(dataclasses.replace(read, by_step=False, passing=(before, line)) for read in flow.reads),
        mac_terms=(*flow.mac_terms, *terms),
    )
