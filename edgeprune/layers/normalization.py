"""Batch normalization: one scale and shift for each place along one axis, as a rule per channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.graph import channels as channel_ids
from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from edgeprune.graph.channels import ChannelSpace
    from edgeprune.graph.model_graph import Layer


class BatchNormalizationRule(BaseRule):
    """Statistics per channel, over everything else: channels do not meet."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """All weights are vectors along the normalised axis; channels along another one pass."""
        ids = view.inputs[0]
        axis = normalized_axis(view.layer, ids.ndim)
        own = axis in channel_ids.varying_axes(ids)
        line = space.fix_unless_vector(ids, axis, view.layer.path) if own else None
        return Flow((ids,), tuple(WeightFlow((line,)) for _ in view.layer.weight_shapes))


def normalized_axis(layer: Layer, rank: int) -> int:
    """The axis along which a batch normalization has its numbers."""
    axis = layer.config.get("axis", -1)
    return int(axis[0] if isinstance(axis, (list, tuple)) else axis) % rank
