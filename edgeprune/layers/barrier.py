"""A layer that nothing is known about: its neighbours keep their neurons, which is always safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.graph import ids as unit_ids
from edgeprune.layers.rule import CallView, Flow, Unsized, WeightFlow

if TYPE_CHECKING:
    from edgeprune.graph.ids import IdSpace


class BarrierRule(Unsized):
    """Lambda and unknown layers."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Every unit that reaches the layer stays; nothing comes out that could go."""
        for ids in view.inputs:
            space.fix(ids, view.layer.path, self.reason)
        outputs = tuple(unit_ids.none(tensor.shape) for tensor in view.call.outputs)
        weights = tuple(WeightFlow((None,) * len(shape)) for shape in view.layer.weight_shapes)
        return Flow(outputs, weights)


class SourceRule(Unsized):
    """InputLayer: the model's inputs are never touched."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """No unit decides over an input."""
        del space
        return Flow(tuple(unit_ids.none(tensor.shape) for tensor in view.call.outputs))
