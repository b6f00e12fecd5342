"""Reads a Keras 2 or Keras 3 model into a `ModelGraph`.

Both keep a functional model as nodes (a layer, its call arguments, its symbolic outputs) sorted by
depth. Nested models are inlined; their input layers are calls that pass on what they are given.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Call, Layer, ModelGraph, Tensor
from edgeprune.keras_bridge.nodes import (
    arguments_of,
    functional_part,
    in_order,
    is_graph_model,
    is_input_node,
    map_tensors,
    nodes_in_order,
    operation_of,
    outputs_of,
    structure_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Reading:
    """A model and its graph.

    Attributes:
        model: the Keras model.
        graph: as values; ``call.key`` is the Keras node.
        layers: path to the Keras layer.
    """

    model: Any
    graph: ModelGraph
    layers: Mapping[str, Any]


def read(model: Any) -> Reading:
    """Reads a model.

    Raises:
        InputError: the model is not built, is not a graph of layers (a subclassed model), or has an
            output without samples.
    """
    reader = _Reader()
    inner = functional_part(model)
    inputs = [reader.tensor(value) for value in inner.inputs]
    reader.walk(inner, prefix="")
    graph = ModelGraph(
        name=model.name,
        layers=reader.layers,
        calls=tuple(reader.calls),
        inputs=tuple(inputs),
        outputs=tuple(reader.tensor(value) for value in inner.outputs),
    )
    _check_outputs(graph)
    return Reading(model, graph, reader.objects)


def held_twice(reading: Reading) -> list[tuple[str, str]]:
    """Pairs of layers with a variable in common, such as a layer and the wrapper that it is also in."""
    owners: dict[int, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for path, layer in reading.layers.items():
        for weight in getattr(layer, "weights", ()):
            first = owners.setdefault(id(weight), path)
            if first != path:
                pairs[first, path] = None
    return list(pairs)


def _check_outputs(graph: ModelGraph) -> None:
    """Refuses an output that is one number for a whole batch: it changes with how samples are batched.

    Raises:
        InputError: with the layer that makes it.
    """
    scalars = {tensor.index for tensor in graph.outputs if tensor.shape == ()}
    for call in graph.calls:
        if scalars & {tensor.index for tensor in call.outputs}:
            raise InputError(
                f"Output '{call.layer}' of model '{graph.name}' is one number for a whole batch.",
                "Outputs with one entry for each sample are expected.",
                "Leave it out: keras.Model(model.inputs, the other outputs).",
            )


def _for_inputs(inner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """A call's arguments in the order of the called model's inputs; a dictionary names them."""
    first = args[0] if args else kwargs.get("inputs")
    if not isinstance(first, dict):
        return args, kwargs
    wanted = structure_of(inner, "inputs")
    names = in_order(wanted) if isinstance(wanted, dict) else inner.input_names
    return [first[name] for name in names] if all(name in first for name in names) else (args, kwargs)


class _Reader:
    """Collects layers and calls; symbolic tensors are known by identity."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.calls: list[Call] = []
        self.objects: dict[str, Any] = {}
        self._paths: dict[int, str] = {}
        self._tensors: dict[int, Tensor] = {}
        self._given: dict[int, Tensor] = {}
        self._alive: list[Any] = []
        self._count = 0

    def tensor(self, value: Any) -> Tensor:
        """The `Tensor` that stands for a symbolic Keras tensor."""
        known = self._tensors.get(id(value))
        return known if known is not None else self._new(value)

    def _new(self, value: Any) -> Tensor:
        dtype = value.dtype if isinstance(value.dtype, str) else value.dtype.name
        made = Tensor(self._count, tuple(value.shape), dtype)
        self._count += 1
        self._tensors[id(value)] = made
        self._alive.append(value)
        return made

    def walk(self, inner: Any, prefix: str) -> None:
        """Adds every call of a functional model, nested ones in place."""
        for node in nodes_in_order(inner):
            operation = operation_of(node)
            if is_graph_model(operation):
                self._walk_nested(operation, node, prefix)
            else:
                self._add(operation, node, prefix)

    def _walk_nested(self, model: Any, node: Any, prefix: str) -> None:
        inner = functional_part(model)
        given: list[Any] = []
        map_tensors(_for_inputs(inner, *arguments_of(node)), given.append)
        for symbol, value in zip(inner.inputs, given, strict=False):  # a mask may follow
            self._given[id(symbol)] = self.tensor(value)
        for nested in nodes_in_order(inner):
            for symbol in outputs_of(nested):
                self._tensors.pop(id(symbol), None)
        self.walk(inner, f"{prefix}{model.name}/")
        for symbol, value in zip(inner.outputs, outputs_of(node), strict=True):
            self._tensors[id(value)] = self.tensor(symbol)
            self._alive.append(value)

    def _add(self, operation: Any, node: Any, prefix: str) -> None:
        path = self._paths.get(id(operation))
        if path is None:
            path = self._paths[id(operation)] = prefix + operation.name
            self.layers[path] = _layer(operation, path)
            self.objects[path] = operation
        args, kwargs = arguments_of(node)
        inputs: list[Tensor] = []

        def place(value: Any) -> Tensor:
            inputs.append(self.tensor(value))
            return inputs[-1]

        args, kwargs = map_tensors((args, kwargs), place)
        if is_input_node(node) and prefix:
            inputs.append(self._given[id(outputs_of(node)[0])])
            args = (inputs[0],)
        outputs = tuple(self.tensor(value) for value in outputs_of(node))
        self.calls.append(Call(path, args, kwargs, tuple(inputs), outputs, key=node))


def policy_of(layer: Any) -> Any:
    """The types that a layer computes in and keeps its weights in."""
    return layer.dtype_policy if hasattr(layer, "dtype_policy") else layer._dtype_policy  # noqa: SLF001 - Keras 2's


def _shapes(operation: Any, weights: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
    """Shapes of a layer's weights; a variable may leave its own open, as a summary of adapted data does."""
    declared = tuple(tuple(weight.shape) for weight in weights)
    is_open = any(None in shape for shape in declared)
    return tuple(array.shape for array in operation.get_weights()) if is_open else declared


def _layer(operation: Any, path: str) -> Layer:
    weights = getattr(operation, "weights", [])
    if not all(hasattr(weight, "shape") for weight in weights):  # Keras 2 has a lookup's words among them
        weights = []
    kind = type(operation).__name__
    try:
        config = {"dtype": policy_of(operation)} if kind == "Lambda" else operation.get_config()
    except NotImplementedError as error:
        raise InputError(
            f"Layer '{path}' of class {kind} has no get_config().",
            "Layers are made anew at their smaller size from their configuration.",
            "Add get_config() to the class.",
        ) from error
    return Layer(
        path=path,
        kind=kind,
        config=config,
        weight_shapes=_shapes(operation, weights),
        weight_names=tuple(weight.name.split("/")[-1].split(":")[0] for weight in weights),
        read_weights=getattr(operation, "get_weights", list),
        module=type(operation).__module__,
    )
