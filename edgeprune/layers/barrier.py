"""A layer that nothing is known about: its neighbours keep their neurons, which is always safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.graph import ids as unit_ids
from edgeprune.layers.rule import BaseRule, CallView, Flow, WeightFlow

if TYPE_CHECKING:
    from edgeprune.graph.ids import IdSpace


class BarrierRule(BaseRule):
    """Lambda and unknown layers."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Every unit that reaches the layer stays; nothing comes out that could go."""
        return barrier_flow(view, space, self.reason)


class SourceRule(BaseRule):
    """InputLayer: the model's inputs are never touched."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """No unit decides over an input."""
        del space
        return Flow(tuple(unit_ids.none(tensor.shape) for tensor in view.call.outputs))


def barrier_flow(view: CallView, space: IdSpace, reason: str) -> Flow:
    """Keeps everything around a call as it is."""
    for ids in view.inputs:
        space.fix(ids, view.layer.path, reason)
    outputs = tuple(unit_ids.none(tensor.shape) for tensor in view.call.outputs)
    return Flow(outputs, tuple(WeightFlow((None,) * len(shape)) for shape in view.layer.weight_shapes))
