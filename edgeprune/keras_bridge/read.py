"""Reads a Keras 2 or Keras 3 model into a `ModelGraph`.

Both keep a functional model as nodes (a layer, its call arguments, its symbolic outputs) sorted by
depth. Nested models are inlined; their input layers are calls that pass on what they are given.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Call, Layer, ModelGraph, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


SYMBOLS = ("KerasTensor", "SparseKerasTensor", "RaggedKerasTensor")


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


def functional_part(model: Any) -> Any:
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
            f"{kind} has not been built.",
            "A model with known input shape is expected.",
            "Call it once on data, or give it an Input, before pruning.",
        )
    raise InputError(
        f"{kind} computes in its own call() and cannot be read as a graph of layers.",
        "A functional or Sequential model is expected.",
        "Rebuild it as keras.Model(inputs, outputs) with the same layers, and load the weights into that.",
    )


def is_graph_model(operation: Any) -> bool:
    """Whether a called object is itself a functional or sequential model."""
    return bool(getattr(getattr(operation, "_functional", None) or operation, "_nodes_by_depth", None))


def nodes_in_order(inner: Any) -> Iterator[Any]:
    """Nodes of a functional model that its outputs come from, inputs first."""
    by_depth = inner._nodes_by_depth  # noqa: SLF001 - there is no public way
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    yield from _without_losses(nodes, inner) if has_added_loss(inner) else nodes


def has_added_loss(model: Any) -> bool:
    """Whether ``add_loss`` or ``add_metric`` of Keras 2 put nodes of their own into a model."""
    return any(type(layer).__name__ in ("AddLoss", "AddMetric") for layer in model.layers)


def _without_losses(nodes: list[Any], inner: Any) -> list[Any]:
    """Leaves out what only a loss or a metric needs: a model made anew from its ends has no such nodes."""
    needed = {id(symbol) for symbol in inner.outputs}
    kept = []
    for node in reversed(nodes):
        if is_input_node(node) or any(id(symbol) in needed for symbol in outputs_of(node)):
            kept.append(node)
            map_tensors(arguments_of(node), lambda symbol: needed.add(id(symbol)))
    return kept[::-1]


def operation_of(node: Any) -> Any:
    """The layer or operation a node calls."""
    return node.operation if hasattr(node, "operation") else node.layer


def arguments_of(node: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Positional and keyword arguments of the call; the latter in the order they were given in."""
    if hasattr(node, "arguments"):
        return tuple(node.arguments.args), collections.OrderedDict(node.arguments.kwargs)
    return tuple(node.call_args), collections.OrderedDict(node.call_kwargs)


def outputs_of(node: Any) -> list[Any]:
    """The symbolic outputs of a call as a flat list."""
    found: list[Any] = []
    map_tensors(node.output_tensors if hasattr(node, "output_tensors") else node.outputs, found.append)
    return found


def is_input_node(node: Any) -> bool:
    """Whether a node stands for an input of the model."""
    return bool(node.is_input)


def map_values(value: Any, function: Callable[[Any], Any]) -> Any:
    """Applies `function` to everything inside nested lists, tuples and dictionaries.

    Dictionaries go in the order of their keys, as both Kerases flatten them.
    """
    if isinstance(value, (list, tuple)):
        mapped = [map_values(item, function) for item in value]
        if hasattr(value, "_fields"):
            return type(value)(*mapped)
        return tuple(mapped) if isinstance(value, tuple) else mapped
    if isinstance(value, dict):
        return {key: map_values(value[key], function) for key in in_order(value)}
    return function(value)


def in_order(keys: Mapping[Any, Any]) -> list[Any]:
    """The keys of a dictionary in the order in which Keras flattens it."""
    return list(keys) if isinstance(keys, collections.OrderedDict) else sorted(keys)


def map_tensors(value: Any, function: Callable[[Any], Any]) -> Any:
    """Applies `function` to the symbolic tensors in nested lists, tuples and dictionaries."""

    def only_symbols(item: Any) -> Any:
        return function(item) if type(item).__name__ in SYMBOLS else item

    return map_values(value, only_symbols)


def _for_inputs(inner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """A call's arguments in the order of the called model's inputs; a dictionary names them."""
    first = args[0] if args else kwargs.get("inputs")
    if not isinstance(first, dict):
        return args, kwargs
    wanted = structure_of(inner, "inputs")
    names = in_order(wanted) if isinstance(wanted, dict) else inner.input_names
    return [first[name] for name in names] if all(name in first for name in names) else (args, kwargs)


def structure_of(model: Any, side: str) -> Any:
    """Its "inputs" or "outputs" as the user nested them (a dictionary, a list, or one tensor)."""
    for name in (f"_{side}_struct", f"_nested_{side}"):
        if hasattr(model, name):
            return getattr(model, name)
    return getattr(model, side)


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
