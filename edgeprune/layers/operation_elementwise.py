"""Operations on each element: arithmetic, comparisons, activations; with tensors or constants.

A constant that has an entry for each channel, ``x * np.array([…])``, shrinks with them.
"""

import numpy as np

from edgeprune.graph import Argument, CallView, ChannelSpace, Flow, KeepMask, Tensor, channel_ids
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.merging import unite_elementwise
from edgeprune.layers.operation import AXIS, Changes, OperationRule, Parameter, axes_of


class ElementwiseOperationRule(OperationRule):
    """Any number of operands, broadcast against each other."""

    channelwise = True
    crosses = True
    may_fix_batch = False

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Unites the ids of operands that meet.

        A slice of a variable would be a constant, no longer the weight of the layer that it belongs to.
        """
        if any(_is_variable(value) for _, value in _arguments(view)):
            return barrier_flow(view, space, "computes with a variable of the model")
        ids = unite_elementwise(view.inputs, space, view.layer.path)
        return Flow((np.broadcast_to(ids, channel_ids.static(view.output)),))

    def changes(self, view: CallView, flow: Flow, kept: KeepMask) -> Changes:
        changed: dict[Parameter, Argument] = {}
        both = (*flow.outputs, *flow.crossing)
        places = [(ids, axis) for ids in both for axis in channel_ids.varying_axes(ids)]
        for parameter, value in _arguments(view):
            if not _is_constant_array(value):
                continue
            array = np.asarray(value)
            for ids, axis in places:
                own = axis - ids.ndim + array.ndim
                line = channel_ids.vector(ids, axis)
                if own >= 0 and array.shape[own] > 1 and line is not None:
                    array = np.compress(kept.mask(line), array, axis=own)
                    changed[parameter] = array
        return changed


class SoftmaxOperationRule(OperationRule):
    """Softmax over an axis that carries channels needs all of them."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        axis = AXIS.of(view)
        axes = axes_of(-1 if axis is None else axis, ids.ndim)
        if set(axes) & set(channel_ids.varying_axes(ids)):
            space.fix(ids, view.layer.path, "takes a softmax over all of its neurons")
        return Flow((ids,))


def _arguments(view: CallView) -> list[tuple[Parameter, Argument]]:
    found = [(Parameter((), place), value) for place, value in enumerate(view.call.args)]
    found += [(Parameter((name,)), value) for name, value in view.call.kwargs.items()]
    return found


def _is_constant_array(value: Argument) -> bool:
    """Whether an argument is data of its own with at least one axis."""
    if isinstance(value, (str, bool, int, float, Tensor, dict, slice)) or value is None:
        return False
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(one, (int, float)) or _is_constant_array(one) for one in value)
    return getattr(value, "ndim", 0) > 0


def _is_variable(value: Argument) -> bool:
    """Whether an argument is a variable with at least one axis, such as another layer's bias."""
    return hasattr(value, "assign") and len(value.shape) > 0
