"""LayerNormalization, GroupNormalization, RMSNormalization: statistics over channels.

    y = (x - mean) / √(var + ε) · gamma + beta        over all channels, or over each group of them
    y = x / √(mean(x²) + ε) · scale            RMS

Channels under them can go: the statistics are then taken over those that stay. That is a
definition, see `edgeprune.pruning.equivalence`; `stand_in` computes it at full size.
"""

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelSpace, Config, Flow, KeepMask, WeightFlow, channel_ids
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.operation import axes_of
from edgeprune.layers.rule import Rule, StandIn


class LayerNormalizationRule(Rule):
    """Statistics of each sample over the `axis` axes."""

    is_centred = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        axes = _axes(view)
        if view.option("rms_scaling"):
            space.fix(ids, view.layer.path, "scales by a variance that is not centred")
        varying = channel_ids.varying_axes(ids)
        lines = {axis: space.fix_unless_vector(ids, axis, view.layer.path) for axis in varying}
        weight = WeightFlow(tuple(lines.get(axis) for axis in axes))
        return Flow((ids,), (weight,) * len(view.layer.weight_shapes))

    def stand_in(self, view: CallView, kept: KeepMask) -> StandIn | None:
        axes, kept_here = _axes(view), kept.mask(view.inputs[0])

        def normalized(inputs: Arrays, weights: Arrays) -> list[np.ndarray]:
            x = inputs[0]
            mask = np.broadcast_to(kept_here, (1, *x.shape[1:]))
            y = _standardized(view, x.astype(np.float64), mask, axes, is_centred=self.is_centred)
            shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
            return [_scaled(view, y, [weight.reshape(shape) for weight in weights]).astype(x.dtype)]

        return None if kept_here.all() else normalized


class RMSNormalizationRule(LayerNormalizationRule):
    """Divides by the root mean square; Keras scales along the last axis, whichever the mean is over."""

    is_centred = False

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axes, rank = _axes(view), view.inputs[0].ndim
        if axes != tuple(range(rank - len(axes), rank)):
            return barrier_flow(view, space, "scales along another axis than it normalizes")
        return super().flow(view, space)


class GroupNormalizationRule(Rule):
    """Every group keeps the same positions; with one channel a group, groups go with channels."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        line = space.fix_unless_vector(view.inputs[0], _axes(view)[0], view.layer.path)
        groups = _groups(view, len(line))
        if groups not in (1, len(line)):
            by_group = line.reshape(groups, -1)
            space.unite(by_group[1:], by_group[:1])
        sizes = {"groups": line} if groups == len(line) and groups > 1 else {}
        weights = (WeightFlow((line,)),) * len(view.layer.weight_shapes)
        return Flow((view.inputs[0],), weights, sizes=sizes)

    def stand_in(self, view: CallView, kept: KeepMask) -> StandIn | None:
        axis, kept_here = _axes(view)[0], kept.mask(view.inputs[0])

        def normalized(inputs: Arrays, weights: Arrays) -> list[np.ndarray]:
            x = np.moveaxis(inputs[0], axis, -1)
            mask = np.moveaxis(np.broadcast_to(kept_here, (1, *inputs[0].shape[1:])), axis, -1)
            groups = (_groups(view, x.shape[-1]), -1)
            wide = x.astype(np.float64).reshape(*x.shape[:-1], *groups)
            split = mask.reshape(*mask.shape[:-1], *groups)
            axes = tuple(one for one in range(1, wide.ndim) if one != wide.ndim - 2)
            y = _standardized(view, wide, split, axes).reshape(x.shape)
            return [np.moveaxis(_scaled(view, y, weights), -1, axis).astype(x.dtype)]

        return None if kept_here.all() else normalized

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """A -1 for one channel a group stays."""
        return {} if view.option("groups") == -1 else super().resize(view, flow, kept)


class UnitNormalizationRule(Rule):
    """Divides by the root of the sum of squares, to which a silenced channel adds nothing."""

    width_free = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((view.inputs[0],))


def _axes(view: CallView) -> tuple[int, ...]:
    return tuple(sorted(axes_of(view.option("axis", -1), len(view.call.inputs[0].shape))))


def _groups(view: CallView, channels: int) -> int:
    groups = int(view.option("groups", 32))
    return channels if groups == -1 else groups


def _standardized(
    view: CallView, x: np.ndarray, mask: np.ndarray, axes: tuple[int, ...], *, is_centred: bool = True
) -> np.ndarray:
    """(x - mean) / √(var + ε), with statistics of the places where `mask` holds."""
    mean = _mean(x, mask, axes) if is_centred else 0.0
    variance = _mean(np.square(x - mean), mask, axes)
    return np.asarray((x - mean) / np.sqrt(variance + float(view.option("epsilon", 1e-3))))


def _scaled(view: CallView, y: np.ndarray, weights: Arrays) -> np.ndarray:
    """Y · gamma + beta, of which a layer may have none."""
    for name, weight in zip(view.layer.weight_names, weights, strict=True):
        y = y + weight if name == "beta" else y * weight
    return y


def _mean(x: np.ndarray, mask: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Mean over `axes` of the places where `mask` holds; 0 where there is none."""
    full = np.broadcast_to(mask, x.shape)
    count = full.sum(axis=axes, keepdims=True)
    total = np.where(full, x, 0).sum(axis=axes, keepdims=True)
    return np.asarray(total / np.maximum(count, 1))
