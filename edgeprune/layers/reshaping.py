"""Flatten, Reshape, Permute: the very same operation on the id array."""

import math

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Flow, KeepMask, channel_ids
from edgeprune.graph.model_graph import Config, Layer, Shape
from edgeprune.layers.rule import ChannelwiseRule


class FlattenRule(ChannelwiseRule):
    """(N, …) to (N, product); channels_first models are flattened channels last, as Keras does."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        if view.option("data_format") == "channels_first" and ids.ndim > 2:
            ids = np.moveaxis(ids, 1, -1)
        return Flow((ids.reshape(channel_ids.static(view.output)),))

    def flattens(self, layer: Layer) -> bool:
        """Unless channels come first, which Keras moves to the end."""
        return bool(layer.config.get("data_format") != "channels_first")


class ReshapeRule(ChannelwiseRule):
    """Reshape to `target_shape`, whose sizes shrink with the axis that carries the channels."""

    width_free = False

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((reshape(view, space),))

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """The target follows the channels; a -1 stays a -1."""
        sizes = kept.shape(flow.outputs[0])[1:]
        old = view.option("target_shape")
        return {"target_shape": [was if was == -1 else now for was, now in zip(old, sizes, strict=True)]}


class PermuteRule(ChannelwiseRule):
    """Permute: `dims` count from 1 and leave the batch out."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((view.inputs[0].transpose(0, *view.option("dims")),))


class RepeatVectorRule(ChannelwiseRule):
    """(N, features) to (N, n, features)."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((np.broadcast_to(view.inputs[0][:, None], channel_ids.static(view.output)),))


def reshape(view: CallView, space: ChannelSpace) -> ChannelIds:
    """Reshapes a call's ids; fixes them where unknown sizes hide which elements go where."""
    ids, sizes = view.inputs[0], channel_ids.static(view.output)
    if int(np.prod(sizes)) != ids.size:
        across = _across_samples(ids, view.call.inputs[0].shape, view.output)
        if across is not None:
            return _separate(across, space, is_unfolded=False)
        space.fix(ids, view.layer.path, "reshapes an axis whose size is not known")
        return channel_ids.none(sizes)
    return _separate(ids.reshape(sizes), space, is_unfolded=ids.ndim == 2)


def _across_samples(ids: ChannelIds, given: Shape, shape: Shape) -> ChannelIds | None:
    """Ids where samples are split into windows or joined again: (N, 4·P) to (4·N, P) and back.

    All samples have the same ids, one behind the other, so the pattern has to repeat with the size that both
    have in common. None: it does not, or other sizes than that of the batch are unknown.
    """
    if any(None in one[1:] or one[:1] != (None,) for one in (given, shape)):
        return None
    sizes = channel_ids.static(shape)
    period = math.gcd(ids.size, int(np.prod(sizes)))
    repeats = ids.reshape(-1, period)
    if (repeats != repeats[0]).any():
        return None
    return np.tile(repeats[0], int(np.prod(sizes)) // period).reshape(sizes)


def _separate(ids: ChannelIds, space: ChannelSpace, *, is_unfolded: bool) -> ChannelIds:
    """Ties channels so that ids differ along one axis only.

    A channel axis split in two, (heads, width) or (groups, channels), can only shrink as a whole
    row or column: along the axis that leaves most channels. A vector that a decoder unfolds has its
    channels last, behind steps or pixels that whatever follows cannot do without.
    """
    axes = channel_ids.varying_axes(ids)
    kept = max(axes, key=lambda axis: ids.shape[axis], default=0)
    if is_unfolded and ids.ndim - 1 in axes:
        kept = ids.ndim - 1
    first = channel_ids.first_along(ids, [axis != kept for axis in range(ids.ndim)])
    spread = np.broadcast_to(first, ids.shape)
    if len(axes) > 1:
        space.unite(ids, spread)
    return spread
