"""Dot: a batched product of two tensors over one axis of each."""

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Flow, MacTerm, channel_ids
from edgeprune.layers.rule import Rule


class DotRule(Rule):
    """Channels along the summed axes go together; those along other axes pass."""

    width_free = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Output axes: the first tensor's without the summed one, then the second's."""
        axes = view.option("axes")
        axes = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        lines, left = [], []
        for ids, axis in zip(view.inputs, axes, strict=True):
            lines.append(summed_line(ids, axis, space, view.layer.path))
            is_summed = axis % ids.ndim in channel_ids.varying_axes(ids)
            left.append(np.take(channel_ids.none(ids.shape) if is_summed else ids, 0, axis=axis))
        space.unite(*lines)
        first = left[0].reshape(left[0].shape + (1,) * (left[1].ndim - 1))
        second = left[1].reshape((left[1].shape[0],) + (1,) * (left[0].ndim - 1) + left[1].shape[1:])
        shape = np.broadcast_shapes(first.shape, second.shape)
        if channel_ids.varying_axes(first) and channel_ids.varying_axes(second):
            space.fix(second, view.layer.path, "multiplies two kinds of neurons")
            second = channel_ids.none(second.shape)
        # Where neither varies, what each holds is one neuron at most, which no group gives up.
        ids = np.broadcast_to(second if channel_ids.varying_axes(second) else first, shape)
        made = ids.reshape(channel_ids.static(view.output))
        return Flow((made,), mac_terms=(product_term(lines[0], made),))


def product_term(summed: ChannelIds, output: ChannelIds) -> MacTerm:
    """As many multiply-accumulates as elements of an output times elements summed; both may shrink."""
    elements = int(np.prod(output.shape[1:]))
    varying = channel_ids.varying_axes(output)
    line = channel_ids.vector(output, varying[0]) if len(varying) == 1 else None
    if line is None:
        return MacTerm((summed,), elements)
    return MacTerm((summed, line), elements // len(line))


def summed_line(ids: ChannelIds, axis: int, space: ChannelSpace, layer: str) -> ChannelIds:
    """Ids along the summed axis; channels along another axis do not matter to it."""
    if axis % ids.ndim in channel_ids.varying_axes(ids):
        return space.fix_unless_vector(ids, axis, layer)
    return channel_ids.none((ids.shape[axis],))
