"""LayerNormalization, GroupNormalization, RMSNormalization: statistics over channels.

    y = (x - mean) / √(var + ε) · gamma + beta        over all channels, or over each group of them
    y = x / √(mean(x²) + ε) · scale            RMS

Channels under them can go: the statistics are then taken over those that stay. That is a
definition, see `edgeprune.pruning.equivalence`; `masked` computes it at full size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.graph import channels as channel_ids
from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.graph.channels import ChannelSpace
    from edgeprune.graph.keep_mask import KeepMask


class LayerNormalizationRule(BaseRule):
    """LayerNormalization and RMSNormalization: statistics of each sample over the `axis` axes."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """All weights have the shape of the normalised axes."""
        ids = view.inputs[0]
        axes = _axes(view)
        if view.layer.kind == "RMSNormalization" and axes != tuple(range(ids.ndim - len(axes), ids.ndim)):
            # Keras lets its scale broadcast from the last axis, whichever the statistics are taken over.
            return barrier_flow(view, space, "scales along another axis than it normalizes")
        if view.option("rms_scaling"):
            space.fix(ids, view.layer.path, "scales by a variance that is not centred")
        varying = channel_ids.varying_axes(ids)
        lines = {axis: space.fix_unless_vector(ids, axis, view.layer.path) for axis in varying}
        weight = WeightFlow(tuple(lines.get(axis) for axis in axes))
        weights = tuple(weight for _ in view.layer.weight_shapes)
        return Flow((ids,), weights)

    def masked(
        self, view: CallView, kept: KeepMask, inputs: Sequence[np.ndarray], weights: Sequence[np.ndarray]
    ) -> list[np.ndarray] | None:
        """Means over what stays."""
        x, axes = inputs[0], _axes(view)
        mask = np.broadcast_to(kept.mask(view.inputs[0]), (1, *x.shape[1:]))
        if mask.all():
            return None
        root_mean_square = view.layer.kind == "RMSNormalization"
        wide = x.astype(np.float64)
        mean = 0.0 if root_mean_square else _mean(wide, mask, axes)
        variance = _mean(np.square(wide - mean), mask, axes)
        y = (wide - mean) / np.sqrt(variance + float(view.option("epsilon", 1e-3)))
        view_shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
        names = view.layer.weight_names
        for name, weight in zip(names, weights, strict=True):
            shaped = weight.reshape(view_shape)
            y = y + shaped if name == "beta" else y * shaped
        return [y.astype(x.dtype)]


class GroupNormalizationRule(BaseRule):
    """Every group keeps the same positions; with one channel a group, groups go with channels."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Weights are vectors along the channel axis."""
        axis = _axes(view)[0]
        line = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        groups = _groups(view, len(line))
        if groups not in (1, len(line)):
            by_group = line.reshape(groups, -1)
            space.unite(by_group[1:], by_group[:1])
        sizes = {"groups": line} if groups == len(line) and groups > 1 else {}
        weights = tuple(WeightFlow((line,)) for _ in view.layer.weight_shapes)
        return Flow((view.inputs[0],), weights, sizes=sizes)

    def masked(
        self, view: CallView, kept: KeepMask, inputs: Sequence[np.ndarray], weights: Sequence[np.ndarray]
    ) -> list[np.ndarray] | None:
        """Means over what stays of each group and over space."""
        x, axis = inputs[0], _axes(view)[0]
        mask = np.broadcast_to(kept.mask(view.inputs[0]), (1, *x.shape[1:]))
        if mask.all():
            return None
        last, last_mask = np.moveaxis(x, axis, -1).astype(np.float64), np.moveaxis(mask, axis, -1)
        grouped = (_groups(view, last.shape[-1]), -1)
        wide = last.reshape(*last.shape[:-1], *grouped)
        split = last_mask.reshape(*last_mask.shape[:-1], *grouped)
        axes = tuple(one for one in range(1, wide.ndim) if one != wide.ndim - 2)
        mean = _mean(wide, split, axes)
        variance = _mean(np.square(wide - mean), split, axes)
        y = ((wide - mean) / np.sqrt(variance + float(view.option("epsilon", 1e-3)))).reshape(last.shape)
        for name, weight in zip(view.layer.weight_names, weights, strict=True):
            y = y + weight if name == "beta" else y * weight
        return [np.moveaxis(y, -1, axis).astype(x.dtype)]

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[str, Any]:
        """A -1 for one channel a group stays."""
        return {} if view.option("groups") == -1 else super().resize(view, flow, kept)


class UnitNormalizationRule(BaseRule):
    """Divides by the root of the sum of squares, to which a silenced channel adds nothing."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Passes the ids on."""
        del space
        return Flow((view.inputs[0],))


def _axes(view: CallView) -> tuple[int, ...]:
    axis = view.option("axis", -1)
    rank = len(view.call.inputs[0].shape)
    return tuple(sorted(int(one) % rank for one in (axis if isinstance(axis, (list, tuple)) else (axis,))))


def _groups(view: CallView, channels: int) -> int:
    groups = int(view.option("groups", 32))
    return channels if groups == -1 else groups


def _mean(x: np.ndarray, mask: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Mean over `axes` of the places where `mask` holds; 0 where there is none."""
    full = np.broadcast_to(mask, x.shape)
    count = full.sum(axis=axes, keepdims=True)
    total = np.where(full, x, 0).sum(axis=axes, keepdims=True)
    return np.asarray(total / np.maximum(count, 1))
