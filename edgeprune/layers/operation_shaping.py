"""Operations that move elements: reshape, transpose, pad, tile, join, split, matrix products."""

from collections.abc import Callable

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Flow, KeepMask, Tensor, channel_ids
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.dot import product_term, summed_line
from edgeprune.layers.merging import join, unite_elementwise
from edgeprune.layers.operation import Changes, OperationRule, Parameter, axes_of
from edgeprune.layers.reshaping import reshape

SHAPE = Parameter(("newshape", "shape"), 1)
SECTIONS = Parameter(("indices_or_sections", "num_or_size_splits"), 1)
PERMUTATION = Parameter(("axes", "perm"), 1)


class ToShapeRule(OperationRule):
    """Squeeze, expand_dims: the same elements in the shape that the framework found."""

    channelwise = channels_alike = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((reshape(view, space),))


class ReshapeOperationRule(ToShapeRule):
    """Sizes in the target shrink with the channels; -1 and computed sizes stay as they are."""

    def changes(self, view: CallView, flow: Flow, kept: KeepMask) -> Changes:
        target = SHAPE.of(view)
        varying = channel_ids.varying_axes(flow.outputs[0])
        if not varying or isinstance(target, Tensor):
            return {}
        sizes = kept.shape(flow.outputs[0])
        return {
            SHAPE: tuple(
                sizes[axis] if axis in varying and not isinstance(was, Tensor) and was != -1 else was
                for axis, was in enumerate(target)
            )
        }


class TransposeRule(OperationRule):
    """Transposes the ids as numpy does; without axes, the order is reversed."""

    channelwise = channels_alike = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axes = PERMUTATION.of(view)
        return Flow((view.inputs[0].transpose(None if axes is None else tuple(int(axis) for axis in axes)),))


class MovedAxesRule(OperationRule):
    """Moves axes as numpy's function of that name does, by the options `first` and `second`."""

    channelwise = channels_alike = True

    def __init__(self, function: Callable[..., ChannelIds], first: str, second: str) -> None:
        self._function, self._options = function, (Parameter((first,), 1), Parameter((second,), 2))

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        first, second = (option.of(view) for option in self._options)
        return Flow((self._function(view.inputs[0], first, second),))


class WithinAxesRule(OperationRule):
    """Pad, tile, flip, resize: allowed along every axis but that of the channels.

    `axis` is where the operation names its axes; None given there means all of them.
    """

    channelwise = channels_alike = True

    def __init__(self, axis: Parameter | None = None) -> None:
        self.axis = axis

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        varying = channel_ids.varying_axes(ids)
        if not varying:
            return Flow((channel_ids.none(view.output),))
        axis = varying[0]
        touched = self.axis is not None and axis in axes_of(self.axis.of(view), ids.ndim)
        if touched or len(view.output) != ids.ndim or view.output[axis] != ids.shape[axis]:
            return barrier_flow(view, space, "moves data along the axis of the neurons")
        line = space.fix_unless_vector(ids, axis, view.layer.path)
        return Flow((channel_ids.along(line, axis, view.output),))


class ResizeImageRule(WithinAxesRule):
    """Resizes an image, perhaps with bars at the sides."""

    depends_on_size = True


class JoinRule(OperationRule):
    """Concatenate."""

    channelwise = channels_alike = joins = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = axes_of(Parameter(("axis",), 1).of(view, 0), len(view.output))[0]
        return Flow((join(_parts(view), axis, space, view.layer.path),))


class StackRule(OperationRule):
    """Stack: inputs side by side along a new axis, so their channels go together."""

    channelwise = channels_alike = joins = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = axes_of(Parameter(("axis",), 1).of(view, 0), len(view.output))[0]
        ids = unite_elementwise(_parts(view), space, view.layer.path)
        return Flow((np.broadcast_to(np.expand_dims(ids, axis), channel_ids.static(view.output)),))


def _parts(view: CallView) -> list[ChannelIds]:
    """Ids of a list of tensors and constants."""
    values = Parameter(("values", "xs", "arrays", "x"), 0).of(view)
    return [view.ids(x) if isinstance(x, Tensor) else channel_ids.none(np.shape(x)) for x in values]


class SplitRule(OperationRule):
    """Split: along the axis of the channels each part keeps what is left of it.

    One channel of each part is kept, so that no part is empty.
    """

    channelwise = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids, axis = view.inputs[0], self._axis(view)
        if axis not in channel_ids.varying_axes(ids):
            thin = channel_ids.first_along(ids, [one == axis for one in range(ids.ndim)])
            fitted = [channel_ids.fit(thin, tensor.shape) for tensor in view.call.outputs]
            return Flow(tuple(ids if part is None else part for part in fitted))
        ends = np.cumsum([int(tensor.shape[axis] or 1) for tensor in view.call.outputs])
        parts = np.split(ids, ends[:-1], axis=axis)
        for part in parts:
            space.fix(np.take(part, [0], axis), view.layer.path, "keeps one neuron of each part it makes")
        return Flow(tuple(parts))

    def changes(self, view: CallView, flow: Flow, kept: KeepMask) -> Changes:
        """Sizes (Keras 2) or indices (Keras 3) instead of a number of equal parts."""
        axis = self._axis(view)
        if axis not in channel_ids.varying_axes(view.inputs[0]):
            return {}
        sizes = [kept.shape(ids)[axis] for ids in flow.outputs]
        in_keras3 = SECTIONS.in_config(view) is not None
        return {SECTIONS: tuple(np.cumsum(sizes)[:-1].tolist()) if in_keras3 else sizes}

    @staticmethod
    def _axis(view: CallView) -> int:
        return axes_of(Parameter(("axis",), 2).of(view, 0), view.inputs[0].ndim)[0]


class UnstackRule(OperationRule):
    """Unstack: slices along an axis other than that of the channels."""

    channelwise = channels_alike = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        axis = axes_of(Parameter(("axis",), 2).of(view, 0), ids.ndim)[0]
        if axis in channel_ids.varying_axes(ids):
            return barrier_flow(view, space, "splits its neurons up")
        return Flow((np.take(ids, 0, axis=axis),) * len(view.call.outputs))


class ShapeRule(OperationRule):
    """The shape of a tensor, itself no data."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow(tuple(channel_ids.none(tensor.shape) for tensor in view.call.outputs))


class MatmulRule(OperationRule):
    """(…, m, k) times (…, k, n): the k meet, batch axes meet, m or n pass."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Unites what meets; channels along both m and n cannot be told apart, and stay."""
        name = view.layer.path
        if len(view.inputs) != 2 or min(ids.ndim for ids in view.inputs) < 2:
            return barrier_flow(view, space, "multiplies with a constant matrix")
        one, other = view.inputs
        one = np.swapaxes(one, -1, -2) if view.argument("transpose_a", 2) else one
        other = np.swapaxes(other, -1, -2) if view.argument("transpose_b", 3) else other
        rank = max(one.ndim, other.ndim)
        one, other = (ids[(None,) * (rank - ids.ndim)] for ids in (one, other))
        summed = summed_line(one, -1, space, name)
        space.unite(summed, summed_line(other, -2, space, name))
        rest = [_rest(one, -1), _rest(other, -2)]
        varying = [channel_ids.varying_axes(ids) for ids in rest]
        ids = unite_elementwise(rest, space, name) if varying[0] == varying[1] else rest[bool(varying[1])]
        for mine, its in ((0, 1), (1, 0)):
            shape = rest[its].shape[:-2]
            if not varying[its] and any(axis < len(shape) and shape[axis] > 1 for axis in varying[mine]):
                space.fix(rest[mine], name, "meets data that no neuron makes")
        if all(varying) and varying[0] != varying[1]:
            space.fix(rest[0], name, "multiplies two kinds of neurons")
        output = np.broadcast_to(ids, channel_ids.static(view.output))
        return Flow((output,), mac_terms=(product_term(summed, output),))


def _rest(ids: ChannelIds, axis: int) -> ChannelIds:
    """Ids without the summed axis's own, that axis of length 1."""
    if axis % ids.ndim in channel_ids.varying_axes(ids):
        ids = channel_ids.none(ids.shape)
    return channel_ids.first_along(ids, [one == axis % ids.ndim for one in range(ids.ndim)])
