"""Reads a Keras 2 or Keras 3 model into a `ModelGraph`.

Both keep a functional model as nodes (a layer, its call arguments, its symbolic outputs) sorted by
depth. Nested models are inlined; their input layers are calls that pass on what they are given. So is
a model at each step, between two calls of their own, see `edgeprune.keras_bridge.steps`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Call, Layer, ModelGraph, Shape, Tensor
from edgeprune.keras_bridge import nodes, steps
from edgeprune.keras_bridge.class_owner import who_mends
from edgeprune.keras_bridge.closed_macs import macs_counter
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_bridge.opened import CLOSED
from edgeprune.keras_types import KerasLayer, KerasModel, KerasNode, KerasTensor


@dataclasses.dataclass(frozen=True)
class Reading:
    """A Keras model and its graph, in which ``call.key`` is the Keras node.

    `layers` are path to the Keras layer, or to what stands for a wrapper whose model was inlined.
    """

    model: KerasModel
    graph: ModelGraph
    layers: Mapping[str, KerasLayer]


def read(model: KerasModel) -> Reading:
    """Reads a model.

    Raises:
        InputError: the model is not built, is not a graph of layers (a subclassed model), or has an
            output without samples.
    """
    reader = _Reader()
    inner = nodes.functional_part(model)
    inputs = [reader.tensor(value) for value in inner.inputs]
    reader.walk(inner, prefix="")
    graph = ModelGraph(
        name=model.name, layers=reader.layers, calls=tuple(reader.calls), inputs=tuple(inputs),
        outputs=tuple(reader.tensor(value) for value in inner.outputs),
    )
    _check_outputs(graph)
    return Reading(model, graph, reader.objects)


def shared_weights(reading: Reading) -> list[tuple[str, str]]:
    """Pairs of layers with a variable in common, such as a layer and the wrapper that it is also in."""
    owners: dict[Identity, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for path, layer in reading.layers.items():
        for weight in getattr(layer, "weights", ()):
            first = owners.setdefault(Identity(weight), path)
            if first != path:
                pairs[first, path] = None
    return list(pairs)


def _check_outputs(graph: ModelGraph) -> None:
    """Refuses an output that is one number for a whole batch: it changes with how samples are batched."""
    scalars = {tensor.index for tensor in graph.outputs if tensor.shape == ()}
    for call in graph.calls:
        if scalars & {tensor.index for tensor in call.outputs}:
            raise InputError(
                f"Output '{call.layer}' of model '{graph.name}' is one number for a whole batch.",
                "Outputs with one entry for each sample are expected.",
                "Leave it out: keras.Model(model.inputs, the other outputs).",
            )


def _for_inputs(inner: KerasModel, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """A call's arguments in the order of the called model's inputs; a dictionary names them."""
    first = args[0] if args else kwargs.get("inputs")
    if not isinstance(first, dict):
        return args, kwargs
    wanted = nodes.structure_of(inner, "inputs")
    names = nodes.in_order(wanted) if isinstance(wanted, dict) else inner.input_names
    return [first[name] for name in names] if all(name in first for name in names) else (args, kwargs)


class _Reader:
    """Collects layers and calls; symbolic tensors are told apart by identity."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.calls: list[Call] = []
        self.objects: dict[str, KerasLayer] = {}
        self._paths: dict[Identity, str] = {}
        self._tensors: dict[Identity, Tensor] = {}
        self._given: dict[Identity, Tensor] = {}
        self._count = 0
        self._steps = 1
        self._masked = False

    def tensor(self, value: KerasTensor) -> Tensor:
        key = Identity(value)
        if key not in self._tensors:
            dtype = value.dtype if isinstance(value.dtype, str) else value.dtype.name
            self._tensors[key] = self._made(tuple(value.shape), dtype)
        return self._tensors[key]

    def _made(self, shape: Shape, dtype: str) -> Tensor:
        self._count += 1
        return Tensor(self._count - 1, shape, dtype)

    def walk(self, inner: KerasModel, prefix: str) -> None:
        """Adds every call of a functional model, nested ones in place."""
        for node in nodes.nodes_in_order(inner):
            operation = nodes.operation_of(node)
            if nodes.is_graph_model(operation):
                self._walk_nested(operation, node, prefix)
            elif steps.is_at_each_step(operation):
                self._walk_steps(operation, node, prefix)
            else:
                self._add(operation, node, prefix)

    def _walk_nested(self, model: KerasModel, node: KerasNode, prefix: str) -> None:
        given = nodes.tensors_in(_for_inputs(nodes.functional_part(model), *nodes.arguments_of(node)))
        outside, self._masked = self._masked, self._masked or steps.is_given_mask(model)
        made = self._inline(model, map(self.tensor, given), prefix)
        self._masked = outside
        for tensor, value in zip(made, nodes.outputs_of(node), strict=True):
            self._tensors[Identity(value)] = tensor

    def _inline(self, model: KerasModel, given: Iterable[Tensor], prefix: str) -> list[Tensor]:
        inner = nodes.functional_part(model)
        for symbol, tensor in zip(inner.inputs, given, strict=False):  # a mask may follow
            self._given[Identity(symbol)] = tensor
        for nested in nodes.nodes_in_order(inner):
            for symbol in nodes.outputs_of(nested):
                self._tensors.pop(Identity(symbol), None)
        self.walk(inner, f"{prefix}{model.name}/")
        return [self.tensor(symbol) for symbol in inner.outputs]

    def _walk_steps(self, wrapper: KerasLayer, node: KerasNode, prefix: str) -> None:
        reason = steps.MASKED if self._masked else steps.why_not_inlined(wrapper)
        if reason:
            self._add(wrapper, node, prefix, reason if nodes.is_graph_model(steps.innermost(wrapper)) else "")
            return
        given = nodes.tensors_in(nodes.arguments_of(node))[0]
        (value,) = nodes.outputs_of(node)
        self._at_each_step(wrapper, self.tensor(given), self.tensor(value), prefix)

    def _at_each_step(self, wrapper: KerasLayer, given: Tensor, unfolded: Tensor, prefix: str) -> None:
        """Inlines what a wrapper holds between a fold and an unfold."""
        path = self._paths.setdefault(Identity(wrapper), prefix + wrapper.name)
        outside, self._steps = self._steps, self._steps * (given.shape[1] or 1)
        folded = self._made((None, *given.shape[2:]), given.dtype)
        self._stand_in(steps.FoldSteps(wrapper), path, (given,), folded)
        made = self._made((None, *unfolded.shape[2:]), unfolded.dtype)
        inner = wrapper.layer
        if nodes.is_graph_model(inner):
            (made,) = self._inline(inner, [folded], f"{path}/")
        elif steps.is_at_each_step(inner):
            self._at_each_step(inner, folded, made, f"{path}/")
        else:
            inside, key = self._path_of(inner, f"{path}/"), self.objects[path]
            counter = macs_counter(inner, (folded,), {}, (folded,))
            self.calls.append(Call(inside, (folded,), {}, (folded,), (made,), key, self._steps, counter))
        self._steps = outside
        self._stand_in(steps.UnfoldSteps(), f"{path}/unfold", (made, given), unfolded)

    def _stand_in(self, layer: steps.StandIn, path: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Adds a call of a layer that Keras does not have."""
        if path not in self.layers:
            self.layers[path] = Layer(path, type(layer).__name__, layer.get_config(), module="keras")
            self.objects[path] = layer
        key = self.objects[path]
        self.calls.append(Call(path, inputs, {}, inputs, (output,), key, self._steps))

    def _path_of(self, operation: KerasLayer, prefix: str, barrier: str = "") -> str:
        path = self._paths.get(Identity(operation))
        if path is None:
            path = self._paths[Identity(operation)] = prefix + operation.name
            barrier = barrier or (CLOSED.get(operation, "") if hasattr(operation, "weights") else "")
            self.layers[path] = dataclasses.replace(_layer(operation, path), barrier=barrier)
            self.objects[path] = operation
        return path

    def _add(self, operation: KerasLayer, node: KerasNode, prefix: str, barrier: str = "") -> None:
        path = self._path_of(operation, prefix, barrier)
        args, kwargs = nodes.arguments_of(node)
        inputs: list[Tensor] = []

        def place(value: KerasTensor) -> Tensor:
            inputs.append(self.tensor(value))
            return inputs[-1]

        args, kwargs = nodes.map_tensors((args, kwargs), place)
        if nodes.is_input_node(node) and prefix:
            inputs.append(self._given[Identity(nodes.outputs_of(node)[0])])
            args = (inputs[0],)
        outputs = tuple(self.tensor(value) for value in nodes.outputs_of(node))
        counter = macs_counter(operation, args, kwargs, tuple(inputs))
        self.calls.append(Call(path, args, kwargs, tuple(inputs), outputs, node, self._steps, counter))


def _shapes(operation: KerasLayer, weights: Sequence[KerasTensor]) -> tuple[tuple[int, ...], ...]:
    """Shapes of a layer's weights; a variable may leave its own open, as a summary of adapted data does."""
    declared = tuple(tuple(weight.shape) for weight in weights)
    is_open = any(None in shape for shape in declared)
    return tuple(array.shape for array in operation.get_weights()) if is_open else declared


def _layer(operation: KerasLayer, path: str) -> Layer:
    weights = getattr(operation, "weights", [])
    if not all(hasattr(weight, "shape") for weight in weights):  # Keras 2 has a lookup's words among them
        weights = []
    kind = type(operation).__name__
    try:
        config = {"dtype": nodes.policy_of(operation)} if kind == "Lambda" else operation.get_config()
    except Exception as error:  # whatever the class's own code raises
        lacks = isinstance(error, NotImplementedError)
        raise InputError(
            f"Layer '{path}' of class {kind} has no get_config()." if lacks else
            f"get_config() of layer '{path}' of class {kind} fails ({error}).",
            "Layers are made anew at their smaller size from their configuration.",
            who_mends(type(operation), f"{'Add' if lacks else 'Correct'} get_config() in the class."),
        ) from error
    return Layer(
        path=path, kind=kind, config=config, weight_shapes=_shapes(operation, weights),
        weight_names=tuple(weight.name.split("/")[-1].split(":")[0] for weight in weights),
        read_weights=getattr(operation, "get_weights", list), module=type(operation).__module__,
    )
