"""Layers that keras.applications defines for itself, beside those that pass through rules of other families.

y = x · gamma with one number per channel: ConvNeXt's LayerScale. Its StochasticDepth drops whole
branches in training and is the identity otherwise; Inception-ResNet's CustomScaleLayer is a + scale · b.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from edgeprune.graph.channels import ChannelSpace


class LayerScaleRule(BaseRule):
    """One factor per channel of the last axis."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """The factors go with their channels."""
        line = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        return Flow((view.inputs[0],), (WeightFlow((line,)),), sizes={"projection_dim": line})
