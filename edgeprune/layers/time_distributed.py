"""TimeDistributed: a layer applied to every time step, (N, T, …) as if it were (N·T, …).

A whole model at every step is read as its layers, see `edgeprune.layers.steps`.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from edgeprune.graph import Call, ChannelSpace, Config, KeepMask, Layer, Shape, Tensor, channel_ids
from edgeprune.graph.flow import Arrays, CallView, Flow, LinearRead, Masks, WeightFlow
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.nested import inner_layer, with_config
from edgeprune.layers.rule import Rule, StandIn
from edgeprune.layers.steps import one_step


class TimeDistributedRule(Rule):
    """Asks the wrapped layer's rule about one time step."""

    def __init__(self, rule_for: Callable[[Layer], Rule]) -> None:
        self._rule_for = rule_for

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        if isinstance(view.argument("inputs", 0), (list, tuple, dict)):
            return barrier_flow(view, space, "applies a layer to several tensors at each step")
        inner = self._view(view, space)
        flow = self._rule_for(inner.layer).flow(inner, space)
        steps = int(view.output[1] or 1)
        outputs = tuple(
            np.broadcast_to(ids[:, None], channel_ids.static(tensor.shape))
            for ids, tensor in zip(flow.outputs, view.call.outputs, strict=True)
        )
        weights = tuple(WeightFlow(weight.axes, weight.reuse * steps) for weight in flow.weights)
        return dataclasses.replace(
            flow, outputs=outputs, weights=weights, reads=tuple(_over_time(read) for read in flow.reads)
        )

    def _view(self, view: CallView, space: ChannelSpace | None) -> CallView:
        """One time step of the call; channels that differ over time are kept."""
        layer = _wrapped(view.layer)
        first, ids = view.call.inputs[0], one_step(view.inputs[0], view.layer.path, space)
        tensor = Tensor(first.index, _one_step(first.shape), first.dtype)
        outputs = tuple(Tensor(t.index, _one_step(t.shape), t.dtype) for t in view.call.outputs)
        call = Call(layer.path, (tensor,), {}, (tensor,), outputs)
        return CallView(layer, call, (ids,))

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        inner = self._view(view, None)
        changed = self._rule_for(inner.layer).resize(inner, _flow_of_one_step(flow), kept)
        return {"layer": with_config(view.option("layer"), changed)}

    def factors(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[int, float]:
        inner = self._view(view, None)
        return self._rule_for(inner.layer).factors(inner, _flow_of_one_step(flow), kept)

    def stand_in(self, view: CallView, kept: KeepMask) -> StandIn | None:
        inner = self._view(view, None)
        at_one_step = self._rule_for(inner.layer).stand_in(inner, kept)
        if at_one_step is None:
            return None

        def over_time(inputs: Arrays, weights: Arrays) -> list[np.ndarray]:
            steps = inputs[0].shape[:2]
            made = at_one_step([_fold(inputs[0])], weights)
            return [one.reshape(*steps, *one.shape[1:]) for one in made]

        return over_time

    def activation(self, layer: Layer) -> str | None:
        """``"linear"`` where the wrapped layer is; any other function stays hidden in the wrapper."""
        inner = _wrapped(layer)
        return "linear" if self._rule_for(inner).activation(inner) == "linear" else None


def _wrapped(layer: Layer) -> Layer:
    serialized = layer.config["layer"]
    return inner_layer(serialized, layer, serialized["config"]["name"], 0, len(layer.weight_shapes))


def _flow_of_one_step(flow: Flow) -> Flow:
    return dataclasses.replace(flow, outputs=tuple(ids[:, 0] for ids in flow.outputs))


def _one_step(shape: Shape) -> Shape:
    return (shape[0], *shape[2:])


def _over_time(read: LinearRead) -> LinearRead:
    """Folds time into the batch before anything is drawn."""
    hidden = read.hidden

    def folded_hidden(inputs: Arrays, weights: Arrays, masks: Masks) -> np.ndarray:
        if hidden is None:
            raise ValueError("this read sees its input as it is")
        return hidden([_fold(x) for x in inputs], weights, [None for _ in masks])

    def folded_samples(x: np.ndarray, generator: np.random.Generator, number: int) -> np.ndarray:
        return read.samples(_fold(x), generator, number)

    if hidden is not None:
        return dataclasses.replace(read, hidden=folded_hidden)
    return dataclasses.replace(read, samples=folded_samples, by_step=True)


def _fold(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, *x.shape[2:])
