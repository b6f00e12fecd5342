"""Operations that leave one number along some axes: mean, sum, maximum, ….

A silenced channel adds nothing to a sum. It would count in a mean and could win a maximum: those are taken
over the channels that stay. That is a definition, as with normalizations (which people write with a mean of
their own), see `edgeprune.pruning.equivalence`; `stand_in` computes it at full size.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelSpace, Flow, KeepMask, channel_ids
from edgeprune.layers.operation import AXIS, OperationRule, Parameter, axes_of
from edgeprune.layers.rule import StandIn

Statistic = Literal["mean", "max", "min", "var", "std"]
_COMPUTE: Mapping[Statistic, Callable[..., np.ndarray]] = {
    "mean": np.mean, "var": np.var, "std": np.std,
    "max": lambda x, **how: np.max(x, initial=-np.inf, **how),
    "min": lambda x, **how: np.min(x, initial=np.inf, **how),
}

KEEPDIMS = Parameter(("keepdims", "keep_dims"), 2)


class ReductionRule(OperationRule):
    """Sum, product, …; an element of 0 changes nothing in an additive one."""

    def __init__(self, *, additive: bool = False) -> None:
        self.additive = additive

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        axes = axes_of(AXIS.of(view), ids.ndim)
        if set(axes) & set(channel_ids.varying_axes(ids)):
            if not self.additive:
                space.fix(ids, view.layer.path, "takes a figure over all of its neurons")
            return Flow((channel_ids.none(view.output),))
        first = slice(0, 1) if KEEPDIMS.of(view, False) else 0
        return Flow((ids[tuple(first if axis in axes else slice(None) for axis in range(ids.ndim))],))


class StatisticRule(ReductionRule):
    """Mean, variance, maximum, …: over channels, of those that stay."""

    def __init__(self, statistic: Statistic) -> None:
        super().__init__(additive=True)
        self.statistic = statistic

    def stand_in(self, view: CallView, kept: KeepMask) -> StandIn | None:
        ids, kept_here = view.inputs[0], kept.mask(view.inputs[0])
        axes, keepdims = axes_of(AXIS.of(view), ids.ndim), bool(KEEPDIMS.of(view, False))
        if kept_here.all() or not set(axes) & set(channel_ids.varying_axes(ids)):
            return None

        def over_kept(inputs: Arrays, _weights: Arrays) -> list[np.ndarray]:
            x = inputs[0].astype(np.float64)
            where = np.broadcast_to(kept_here, x.shape)
            found = _COMPUTE[self.statistic](x, axis=axes, keepdims=keepdims, where=where)
            return [np.asarray(found).astype(inputs[0].dtype)]

        return over_kept
