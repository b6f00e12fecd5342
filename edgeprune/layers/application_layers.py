"""Layers that keras.applications defines for itself.

    LayerScale         y = x · gamma, one number per channel (ConvNeXt)
    StochasticDepth    drops whole residual branches in training; the identity otherwise (ConvNeXt)
    CustomScaleLayer   y = a + scale · b (Inception-ResNet-v2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.layers.rule import BaseRule, CallView, Flow, WeightFlow

if TYPE_CHECKING:
    from edgeprune.graph.ids import IdSpace


class LayerScaleRule(BaseRule):
    """One factor per channel of the last axis."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """The factors go with their channels."""
        line = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        return Flow((view.inputs[0],), (WeightFlow((line,)),), sizes={"projection_dim": line})
