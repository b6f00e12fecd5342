"""Operations that leave one number along some axes: mean, sum, maximum, ….

Along an axis of channels only a sum can lose some of them: a silenced channel adds nothing to it, but it
would count in a mean and could win a maximum.
"""

from edgeprune.graph import CallView, ChannelSpace, Flow, channel_ids
from edgeprune.layers.operation import AXIS, OperationRule, Parameter, axes_of

KEEPDIMS = Parameter(("keepdims", "keep_dims"), 2)


class ReductionRule(OperationRule):
    """Mean, maximum, …; an element of 0 changes nothing in an additive one."""

    def __init__(self, *, additive: bool = False) -> None:
        self.additive = additive

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        axes = axes_of(AXIS.of(view), ids.ndim)
        if set(axes) & set(channel_ids.varying_axes(ids)):
            if not self.additive:
                space.fix(ids, view.layer.path, "takes a figure over all channels")
            return Flow((channel_ids.none(view.output),))
        first = slice(0, 1) if KEEPDIMS.of(view, False) else 0
        return Flow((ids[tuple(first if axis in axes else slice(None) for axis in range(ids.ndim))],))
