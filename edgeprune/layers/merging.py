"""Layers that join several tensors element by element, or end to end."""

from collections.abc import Sequence

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Flow, channel_ids
from edgeprune.layers.rule import ChannelwiseRule


class ElementwiseMergeRule(ChannelwiseRule):
    """Add, Subtract, Multiply, Maximum, Minimum, Average: elements that meet go together."""

    crosses = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((unite_elementwise(view.inputs, space, view.layer.path),))


class ConcatenateRule(ChannelwiseRule):
    """End to end along one axis."""

    joins = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = int(view.option("axis", -1)) % len(view.output)
        return Flow((join(view.inputs, axis, space, view.layer.path),))


def join(inputs: Sequence[ChannelIds], axis: int, space: ChannelSpace, layer: str) -> ChannelIds:
    """Ids end to end along `axis`; along any other axis the inputs' channels go together."""
    varying = {other for ids in inputs for other in channel_ids.varying_axes(ids)}
    joined = channel_ids.concatenate(inputs, axis)
    if varying <= {axis}:
        return joined
    if len(varying) > 1:
        space.fix(joined, layer, "joins tensors whose neurons lie along different axes")
        return channel_ids.none(joined.shape)
    (other,) = varying
    first, *rest = (space.fix_unless_vector(ids, other, layer) for ids in inputs)
    for line in rest:
        space.unite(first, line)
    return channel_ids.along(first, other, joined.shape)


def unite_elementwise(inputs: Sequence[ChannelIds], space: ChannelSpace, layer: str) -> ChannelIds:
    """Ids of the element-wise combination of broadcast-compatible tensors.

    A channel that is broadcast over an axis on which another input has channels of its own (a spatial
    gate of one channel) reaches all of them and stays.
    """
    rank = max(ids.ndim for ids in inputs)
    padded = [ids.reshape((1,) * (rank - ids.ndim) + ids.shape) for ids in inputs]
    shape = np.broadcast_shapes(*(ids.shape for ids in padded))
    united: ChannelIds | None = None
    varying = {axis for ids in padded for axis in channel_ids.varying_axes(ids)}
    for ids in padded:
        full = np.broadcast_to(ids, shape)
        if any(ids.shape[axis] == 1 and shape[axis] > 1 for axis in varying):
            space.fix(ids, layer, "is broadcast over the neurons of another input")
        elif united is None:
            united = full
        else:
            space.unite(united, full)
    return channel_ids.none(shape) if united is None else united
