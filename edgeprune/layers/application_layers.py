"""Layers that keras.applications defines for itself, beside those that pass through rules of other families.

y = x · gamma with one number per channel: ConvNeXt's LayerScale. Its StochasticDepth drops whole
branches in training and is the identity otherwise; Inception-ResNet's CustomScaleLayer is a + scale · b.
"""


from edgeprune.graph import Arrays, CallView, ChannelSpace, Flow, Layer, WeightFlow
from edgeprune.layers.rule import ChannelwiseRule, ConstantElements, scaled_to_zero


class LayerScaleRule(ChannelwiseRule):
    """One factor per channel of the last axis."""

    elementwise = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        line = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        return Flow((view.inputs[0],), (WeightFlow((line,)),), sizes={"projection_dim": line})

    def constant_elements(self, layer: Layer, flow: Flow, weights: Arrays) -> ConstantElements | None:
        return scaled_to_zero(flow.weights[0], weights[0])
