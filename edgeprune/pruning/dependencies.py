"""Finds which channels must go together: sends ids through every call of the graph in order."""

import collections
import dataclasses
import math
from fractions import Fraction

import numpy as np

from edgeprune.graph import ChannelGroup, ChannelIds, ChannelSpace, DependencyGraph, Refusal, channel_ids
from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.graph.model_graph import ModelGraph
from edgeprune.layers import rule_for
from edgeprune.layers.barrier import barrier_flow

_TWO_WAYS = "is called on neurons in two ways"
_RESHAPING = ("Reshape", "tf.reshape")


def find_dependencies(graph: ModelGraph) -> DependencyGraph:
    """Finds channels and groups of a model; channels that reach its outputs are fixed."""
    space = channel_ids.ChannelSpace()
    ids: dict[int, ChannelIds] = {}
    crossing: dict[int, ChannelIds] = {}
    views, flows = [], []
    seen: dict[str, Flow] = {}
    layer_flows: dict[str, tuple[WeightFlow, ...]] = {}
    rows: dict[int, Fraction] = {}
    for call in graph.calls:
        layer = graph.layers[call.layer]
        view = CallView(
            layer, call, tuple(ids[tensor.index] for tensor in call.inputs),
            tuple(crossing.get(tensor.index) for tensor in call.inputs),
        )
        entering = max((rows[tensor.index] for tensor in call.inputs), default=Fraction(1))
        flow = _at_each_step(_crossed(view, _flow(view, space), space), max(1, round(call.steps * entering)))
        rows.update((tensor.index, _rows_after(view, entering)) for tensor in call.outputs)
        if layer.path in seen:
            _tie_calls(seen[layer.path], flow, view, space)
            pairs = zip(layer_flows[layer.path], flow.weights, strict=True)
            layer_flows[layer.path] = tuple(WeightFlow(a.axes, a.reuse + b.reuse) for a, b in pairs)
        else:
            seen[layer.path], layer_flows[layer.path] = flow, flow.weights
        views.append(view)
        flows.append(flow)
        ids.update(zip((tensor.index for tensor in call.outputs), flow.outputs, strict=True))
        crossing.update(zip((tensor.index for tensor in call.outputs), flow.crossing, strict=False))
    for tensor in graph.outputs:
        for one in (ids[tensor.index], crossing.get(tensor.index)):
            if one is not None:
                space.fix(one, "", "is an output of the model")
    channel_of, fixed = _number(space)
    groups = _groups(space, channel_of, fixed)
    refusals = _refusals(space, channel_of, fixed)
    channel_of = np.where(fixed[channel_of], 0, channel_of)
    return DependencyGraph(
        graph, tuple(views), tuple(flows), layer_flows, channel_of, groups, refusals, len(fixed)
    )


def _flow(view: CallView, space: ChannelSpace) -> Flow:
    """What the layer's rule says; where that does not fit the layer, its neighbourhood stays."""
    flow = rule_for(view.layer).flow(view, space)
    pairs = zip(flow.outputs, view.call.outputs, strict=False)
    outputs = tuple(channel_ids.fit(ids, tensor.shape) for ids, tensor in pairs)
    shapes = tuple(len(weight.axes) for weight in flow.weights)
    fits = len(outputs) == len(view.call.outputs) and shapes == tuple(map(len, view.layer.weight_shapes))
    if fits and all(ids is not None for ids in outputs):
        return dataclasses.replace(flow, outputs=tuple(ids for ids in outputs if ids is not None))
    reason = "has tensors that its pruning rule does not know"
    axes = [axis for weight in flow.weights for axis in weight.axes if axis is not None]
    for ids in (*flow.outputs, *axes):
        space.fix(ids, view.layer.path, reason)
    return barrier_flow(view, space, reason)


def _crossed(view: CallView, flow: Flow, space: ChannelSpace) -> Flow:
    """The flow with what becomes of neurons along a second axis; rules that read them have said so.

    Layers that join elements at the same place pass them on, under their own rule. All others need them.
    """
    given = [ids for ids in view.crossing if ids is not None]
    if not given or flow.crossing:
        return flow
    rule = rule_for(view.layer)
    shapes = [tensor.shape for tensor in view.call.inputs]
    pairs = list(zip(view.crossing, shapes, strict=True))
    if rule.crosses and all(ids is not None or set(channel_ids.static(shape)) <= {1} for ids, shape in pairs):
        planes = [channel_ids.none(shape) if ids is None else ids for ids, shape in pairs]
        passed = rule.flow(dataclasses.replace(view, inputs=tuple(planes), crossing=()), space)
        return dataclasses.replace(flow, crossing=passed.outputs)
    for ids in given:
        space.fix(ids, view.layer.path, "needs all of the positions that it makes")
    return flow


def _rows_after(view: CallView, entering: Fraction) -> Fraction:
    """Rows of the batch axis for each sample: more than one where it was reshaped into windows."""
    if view.layer.kind not in _RESHAPING:
        return entering
    given, made = view.call.inputs[0].shape, view.output
    if any(None in shape[1:] or shape[:1] != (None,) for shape in (given, made)):
        return entering
    return entering * Fraction(math.prod(given[1:]), max(math.prod(made[1:]), 1))  # type: ignore[arg-type]


def _at_each_step(flow: Flow, steps: int) -> Flow:
    """The flow of a call that is made so many times for one sample."""
    if steps == 1:
        return flow
    weights = tuple(WeightFlow(weight.axes, weight.reuse * steps) for weight in flow.weights)
    terms = tuple(dataclasses.replace(term, times=term.times * steps) for term in flow.mac_terms)
    return dataclasses.replace(flow, weights=weights, mac_terms=terms)


def _tie_calls(first: Flow, again: Flow, view: CallView, space: ChannelSpace) -> None:
    """A layer called twice has one set of weights and one configuration.

    One with neither, such as a ReLU object used all over a model, ties nothing.
    """
    layer = view.layer.path
    for one, other in zip(first.weights, again.weights, strict=True):
        for a, b in zip(one.axes, other.axes, strict=True):
            if a is not None and b is not None:
                space.unite(a, b)
                continue
            for ids in (a, b):
                if ids is not None:
                    space.fix(ids, layer, _TWO_WAYS)
    if first.weights or (rule_for(view.layer).width_free and not first.sizes):
        return
    for a, b in zip(first.outputs, again.outputs, strict=True):
        if a.shape == b.shape:
            space.unite(a, b)
        else:
            for ids in (a, b):
                space.fix(ids, layer, "is called on tensors of different shapes")


def _number(space: ChannelSpace) -> tuple[np.ndarray, np.ndarray]:
    """Channel number of each id (0 for ids united with 0), and which channels are fixed."""
    labels, channel_of = np.unique(space.classes(), return_inverse=True)
    fixed = np.zeros(len(labels), bool)
    fixed[0] = True
    for fixing in space.fixings:
        fixed[channel_of[fixing.ids]] = True
    return channel_of, fixed


def _groups(space: ChannelSpace, channel_of: np.ndarray, fixed: np.ndarray) -> tuple[ChannelGroup, ...]:
    """Channels with the same set of producers, found by a random signature of the set."""
    generator = np.random.default_rng(0)
    signature = np.zeros(len(fixed), np.uint64)
    members = []
    for producer in space.producers:
        channels = np.unique(channel_of[producer.first : producer.first + producer.count])
        channels = channels[~fixed[channels]]
        signature[channels] += generator.integers(1, 2**63, dtype=np.uint64)
        members.append(channels)
    found: dict[int, tuple[list[str], np.ndarray]] = {}
    for producer, channels in zip(space.producers, members, strict=True):
        name = f"{producer.layer}:{producer.part}" if producer.part else producer.layer
        signs = signature[channels]
        for sign in np.unique(signs).tolist():
            found.setdefault(sign, ([], channels[signs == sign]))[0].append(name)
    taken: collections.Counter[str] = collections.Counter()
    groups = []
    for (first, *others), channels in found.values():
        taken[first] += 1
        name = first if taken[first] == 1 else f"{first}#{taken[first]}"
        groups.append(ChannelGroup(name, channels, (first, *others)))
    return tuple(groups)


def _refusals(space: ChannelSpace, channel_of: np.ndarray, fixed: np.ndarray) -> tuple[Refusal, ...]:
    """One line for each producer and reason; the first fixing that reached a channel is named.

    Then one for each layer with weights that cannot be followed and that none of those names.
    """
    cause = np.full(len(fixed), -1)
    for number, fixing in reversed(list(enumerate(space.fixings))):
        cause[channel_of[fixing.ids]] = number
    refusals = []
    for producer in space.producers:
        channels = channel_of[producer.first : producer.first + producer.count]
        channels = channels[fixed[channels]]
        for number, count in zip(*np.unique(cause[channels], return_counts=True), strict=True):
            layer, reason = "", "meets data that no neuron makes"
            if number >= 0:
                layer, reason = space.fixings[number].layer, space.fixings[number].reason
            refusals.append(Refusal(producer.layer, int(count), layer, reason))
    named = {refusal.because_of for refusal in refusals}
    refusals += [
        Refusal(layer, channels, layer, reason)
        for layer, (channels, reason) in space.barriers.items() if layer not in named
    ]
    return tuple(refusals)
