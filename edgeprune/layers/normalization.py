"""Normalization layers: one scale and shift per channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.layers.rule import BaseRule, CallView, Flow, WeightFlow

if TYPE_CHECKING:
    from edgeprune.graph.ids import IdSpace


class BatchNormalizationRule(BaseRule):
    """Statistics per channel, over everything else: channels do not meet."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """All weights are vectors along the normalised axis."""
        axis = view.option("axis", -1)
        axis = axis[0] if isinstance(axis, (list, tuple)) else axis
        line = space.fix_unless_vector(view.inputs[0], int(axis), view.layer.path)
        return Flow((view.inputs[0],), tuple(WeightFlow((line,)) for _ in view.layer.weight_shapes))
