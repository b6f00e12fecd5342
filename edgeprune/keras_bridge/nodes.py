"""What both Keras versions hide: nodes of a functional model, symbolic tensors, layers' types."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Argument, Arguments
from edgeprune.keras_bridge.opened import CLOSED
from edgeprune.keras_types import KerasLayer, KerasModel, KerasNode, KerasTensor

Key = TypeVar("Key", bound=str)
SYMBOLS = ("KerasTensor", "SparseKerasTensor", "RaggedKerasTensor")


@dataclasses.dataclass(frozen=True, eq=False)
class Identity:
    """The dictionary key of one Keras object and no other; it keeps the object alive.

    Symbolic tensors and variables have no hash, or compare by value.
    """

    of: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.of is other.of

    def __hash__(self) -> int:
        return object.__hash__(self.of)


def fits(shape: Sequence[int | None], sizes: Sequence[int]) -> bool:
    """Whether a shape, which may leave sizes open (None), has these sizes."""
    return len(shape) == len(sizes) and all(a in (None, b) for a, b in zip(shape, sizes, strict=True))


def functional_part(model: KerasModel) -> KerasModel:
    """The graph network behind a functional or sequential model.

    Raises:
        InputError: there is none.
    """
    inner = getattr(model, "_functional", None) or model
    if getattr(inner, "_nodes_by_depth", None):
        return inner
    if not hasattr(model, "layers"):
        raise InputError(
            f"An object of class {type(model).__name__} was given.",
            "A Keras model, or the path of one, is expected.",
        )
    kind = f"Model '{getattr(model, 'name', model)}' of class {type(model).__name__}"
    if type(model).__name__ == "Sequential":
        raise InputError(
            f"{kind} has not been built.", "A model with known input shape is expected.",
            "Call it once on data, or give it an Input, before pruning.",
        )
    reason = CLOSED.get(model)
    if reason:
        raise InputError(
            f"{kind} {reason}.", "A model whose call() uses Keras' layers and operations is expected.",
            "Rebuild it as keras.Model(inputs, outputs) with such layers, and load the weights into that.",
        )
    raise InputError(
        f"{kind} computes in its own call() and cannot be read as a graph of layers.",
        "A functional or Sequential model is expected.",
        "Rebuild it as keras.Model(inputs, outputs) with the same layers, and load the weights into that.",
    )


def is_graph_model(operation: KerasLayer) -> bool:
    """Whether a called object is itself a functional or sequential model."""
    return bool(getattr(getattr(operation, "_functional", None) or operation, "_nodes_by_depth", None))


def nodes_in_order(inner: KerasModel) -> Iterator[KerasNode]:
    """Nodes of a functional model that its outputs come from, inputs first."""
    by_depth = inner._nodes_by_depth  # noqa: SLF001 - there is no public way
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    yield from _without_losses(nodes, inner) if has_added_loss(inner) else nodes


def has_added_loss(model: KerasModel) -> bool:
    """Whether ``add_loss`` or ``add_metric`` of Keras 2 put nodes of their own into a model."""
    return any(type(layer).__name__ in ("AddLoss", "AddMetric") for layer in model.layers)


def _without_losses(nodes: list[KerasNode], inner: KerasModel) -> list[KerasNode]:
    """Leaves out what only a loss or a metric needs: a model made anew from its ends has no such nodes."""
    needed = {Identity(symbol) for symbol in inner.outputs}
    kept = []
    for node in reversed(nodes):
        if is_input_node(node) or any(Identity(symbol) in needed for symbol in outputs_of(node)):
            kept.append(node)
            needed.update(map(Identity, tensors_in(arguments_of(node))))
    return kept[::-1]


def node_of(symbol: KerasTensor) -> KerasNode | None:
    """The call that a symbolic tensor comes from; None for one that nothing was called for."""
    history = getattr(symbol, "_keras_history", None)
    operation = getattr(history, "operation", getattr(history, "layer", None))
    if history is None or operation is None:
        return None
    return operation._inbound_nodes[history.node_index]  # noqa: SLF001 - there is no public way


def operation_of(node: KerasNode) -> KerasLayer:
    """The layer or operation a node calls."""
    return node.operation if hasattr(node, "operation") else node.layer


def arguments_of(node: KerasNode) -> Arguments:
    """Positional and keyword arguments of the call; the latter in the order they were given in."""
    if hasattr(node, "arguments"):
        return tuple(node.arguments.args), collections.OrderedDict(node.arguments.kwargs)
    return tuple(node.call_args), collections.OrderedDict(node.call_kwargs)


def outputs_of(node: KerasNode) -> list[KerasTensor]:
    """The symbolic outputs of a call as a flat list."""
    return tensors_in(node.output_tensors if hasattr(node, "output_tensors") else node.outputs)


def is_input_node(node: KerasNode) -> bool:
    """Whether a node stands for an input of the model."""
    return bool(node.is_input)


def map_values(value: Argument, function: Callable[[Argument], Argument]) -> Argument:
    """Applies `function` to everything inside nested lists, tuples and dictionaries.

    Dictionaries go in the order of their keys, as both Keras versions flatten them.
    """
    if isinstance(value, (list, tuple)):
        mapped = [map_values(item, function) for item in value]
        if hasattr(value, "_fields"):
            return type(value)(*mapped)
        return tuple(mapped) if isinstance(value, tuple) else mapped
    if isinstance(value, dict):
        return {key: map_values(value[key], function) for key in in_order(value)}
    return function(value)


def in_order(keys: Mapping[Key, object]) -> list[Key]:
    """The keys of a dictionary in the order in which Keras flattens it."""
    return list(keys) if isinstance(keys, collections.OrderedDict) else sorted(keys)


def map_tensors(value: Argument, function: Callable[[Argument], Argument]) -> Argument:
    """Applies `function` to the symbolic tensors in nested lists, tuples and dictionaries."""

    def only_symbols(item: Argument) -> Argument:
        return function(item) if type(item).__name__ in SYMBOLS else item

    return map_values(value, only_symbols)


def tensors_in(value: Argument) -> list[KerasTensor]:
    """The symbolic tensors in nested lists, tuples and dictionaries."""
    found: list[KerasTensor] = []
    map_tensors(value, found.append)
    return found


def structure_of(model: KerasModel, side: str) -> Argument:
    """Its "inputs" or "outputs" as the user nested them (a dictionary, a list, or one tensor)."""
    for name in (f"_{side}_struct", f"_nested_{side}"):
        if hasattr(model, name):
            return getattr(model, name)
    return getattr(model, side)


def policy_of(layer: KerasLayer) -> object:
    """The types that a layer computes in and keeps its weights in."""
    return layer.dtype_policy if hasattr(layer, "dtype_policy") else layer._dtype_policy  # noqa: SLF001 - Keras 2's
