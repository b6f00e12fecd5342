"""Makes a functional model of Keras' own layers and operations from two recordings of a model.

Layers that stayed closed are made anew from their configuration, under names that say where they were
("encoder.attention.query"), and each once: what was shared stays shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Argument
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.build import made_anew
from edgeprune.keras_bridge.error_text import error_text
from edgeprune.keras_bridge.inside import own_weights
from edgeprune.keras_bridge.inside.composites import has_own_activation, is_opened
from edgeprune.keras_bridge.inside.names import (
    Names,
    name_operations,
    output_names,
    paths_of,
    with_output_names,
)
from edgeprune.keras_bridge.inside.open_sizes import OPERATIONS, CallAgain
from edgeprune.keras_bridge.inside.plain_layers import (
    class_of_keras,
    is_quantized,
    plain_arrays,
    plain_config,
)
from edgeprune.keras_bridge.inside.recorded_calls import CallError, OpenRange, RecordedCall, Recording
from edgeprune.keras_bridge.inside.sizes import (
    BatchSize,
    NotAlikeError,
    OpenSize,
    PerSample,
    Uniform,
    has_open_size,
    merged,
)
from edgeprune.keras_bridge.inside.weight_layers import WeightLayers
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_bridge.opened import CLOSED
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor


class PlainModel:
    """Makes the calls of two recordings again, on inputs of open size."""

    def __init__(
        self, model: KerasModel, first: Recording, second: Recording, reasons: Mapping[Identity, str]
    ) -> None:
        self._model, self._first, self._second, self._reasons = model, first, second, reasons
        self._values: dict[Identity, object] = {}
        self._layers: dict[Identity, KerasLayer] = {}
        self._arrays: list[tuple[KerasLayer, list[np.ndarray]]] = []
        self._paths = paths_of(model)
        self._names = Names(self._paths.values())
        self.weights = WeightLayers(model, first, self._paths, self._names)
        self._zero: KerasTensor | None = None

    def build(self, inputs: Argument) -> KerasModel:
        """The model on new symbolic inputs, nested as it takes them.

        Raises:
            CallError: a call depends on the number of samples in a way that no layer can say.
        """
        import keras

        self._inputs = nodes.tensors_in(inputs)
        self._values.update(zip(map(Identity, self._first.inputs), self._inputs, strict=True))
        if len(self._first.calls) != len(self._second.calls):
            raise CallError(None, "calls other layers for another number of samples")
        for call, again in zip(self._first.calls, self._second.calls, strict=True):
            try:
                made = self._made(call, again)
            except CallError:
                raise
            except InputError as error:
                if call.owner is None or is_quantized(call.operation):
                    raise
                raise CallError(call.owner, f"cannot be read as layers: {error.found}") from error
            except NotAlikeError as error:
                raise CallError(call.owner, str(error)) from error
            except Exception as error:
                raise CallError(call.owner, f"cannot be read as layers: {error_text(error)}") from error
            self._values.update(zip(map(Identity, call.outputs), nodes.tensors_in(made), strict=True))
        outputs = nodes.map_tensors(self._first.outputs, self._value)
        ends = output_names(self._model, outputs)
        outputs = with_output_names(keras, outputs, ends, self._names)
        name_operations(nodes.tensors_in(outputs))
        plain = keras.Model(inputs, outputs, name=self._model.name)
        own_weights.set_all([*self._arrays, *self.weights.arrays])
        return plain

    def _made(self, call: RecordedCall, again: RecordedCall) -> Argument:
        kind = type(call.operation).__name__
        if kind != type(again.operation).__name__:
            raise NotAlikeError("calls other layers for another number of samples")
        args, kwargs = merged((call.args, dict(call.kwargs)), (again.args, dict(again.kwargs)))
        if hasattr(call.operation, "weights"):
            args, kwargs = self.given((args, kwargs))
            if class_of_keras(call.operation) is not None:
                kwargs = {name: value for name, value in kwargs.items() if value is not None}
            return self._layer(call.operation)(*args, **self._with_masks(call, args, kwargs))
        config = merged(_config(call.operation), _config(again.operation))
        if kind in OPERATIONS:
            shape = merged(list(call.outputs[0].shape), list(again.outputs[0].shape))
            made = OPERATIONS[kind](self, CallAgain(call, args, kwargs, config, shape))
            if made is not None:
                return made
        args, kwargs = self.given((args, kwargs))
        if has_open_size(config):
            raise NotAlikeError(f"calls keras.ops.{call.operation.name} with a size that is left open")
        operation = type(call.operation).from_config({**config, "name": self.name(call.operation.name)})
        return operation(*args, **kwargs)

    def _given(self, value: Argument) -> Argument:
        """What a call gets in the new model in place of a recorded value."""
        if type(value).__name__ in nodes.SYMBOLS:
            return self._value(value)
        if isinstance(value, PerSample):
            return self.per_sample(value.array)
        if isinstance(value, Uniform):
            return self.uniform(value)
        if isinstance(value, (BatchSize, OpenSize)):
            raise NotAlikeError("computes with a size that the model leaves open")
        return value

    def _value(self, symbol: KerasTensor) -> Argument:
        key = Identity(symbol)
        if key in self._first.weights:
            return self._weight(key)
        if key in self._first.constants:
            place = list(self._first.constants).index(key)
            array = merged(self._first.constants[key], list(self._second.constants.values())[place])
            return self._given(array) if has_open_size(array) else self.constant(array)
        if key in self._first.ranges:
            return self.positions(self._first.ranges[key])
        return self._values[key]

    # --- layers ---

    def _layer(self, old: KerasLayer) -> KerasLayer:
        key = Identity(old)
        if key not in self._layers:
            name = self._names.of_layer(self._paths.get(key, old.name))
            splits = has_own_activation(old) and key not in self._reasons
            changed = {"activation": "linear", "name": name} if splits else {"name": name}
            self._layers[key] = made = _renewed(old, changed)
            if key in self._reasons and is_opened(old):
                CLOSED[made] = self._reasons[key]
            if old.weights:
                self._arrays.append((made, plain_arrays(old)))
        return self._layers[key]

    def _with_masks(
        self, call: RecordedCall, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Mapping[str, object]:
        """A call's keyword arguments with the masks that came along unseen, where operations lost them."""
        given = nodes.tensors_in((args, dict(kwargs)))
        taken = call.operation._call_signature.parameters  # noqa: SLF001 - there is no public name
        names = [name for name in taken if name.endswith("mask")]
        found = dict(kwargs)
        for place, (symbol, mask) in enumerate(zip(given, call.masks, strict=False)):
            if mask is None or getattr(symbol, "_keras_mask", None) is not None:
                continue
            positional = list(taken)[place] if place < len(taken) else ""
            name = "mask" if "mask" in names and place == 0 else f"{positional}_mask"
            if name in names and kwargs.get(name) is None:
                value = self._value(mask)
                if name == "query_mask" and "attention_mask" in names:
                    found["attention_mask"] = _of_queries(value, found.get("attention_mask"))
                else:
                    found[name] = value
        return found

    def name(self, wanted: str) -> str:
        """A name for an operation or a layer that the original does not have."""
        return self._names.new(wanted)

    # --- weights and constants ---

    def _weight(self, key: Identity) -> KerasTensor:
        """A weight as a tensor."""
        from keras import ops

        variable, _ = self._first.weights[key]
        shape = tuple(variable.shape)
        if not variable.dtype.startswith(("float", "bfloat")):
            return self.constant(np.asarray(variable))
        if key not in self._values:
            layer = self.weights.table(key)
            rows = layer(self.constant(np.arange(layer.input_dim, dtype="int32")))
            axis = own_weights.channel_axis(shape)
            last = shape if axis == -1 else (*shape[:axis], *shape[axis + 1:], shape[axis])
            value = rows if tuple(rows.shape) == last else ops.reshape(rows, last)
            self._values[key] = value if axis == -1 else ops.moveaxis(value, -1, axis)
        return self._values[key]

    def is_weight(self, value: Argument) -> bool:
        """Whether a value is a weight."""
        return Identity(value) in self._first.weights

    def constant(self, array: np.ndarray) -> KerasTensor:
        """An array as a symbolic tensor of its own shape."""
        from keras import ops

        if self._zero is None:
            zeros = ops.zeros_like(self._inputs[0], dtype="int32")
            self._zero = ops.sum(zeros) if len(zeros.shape) else zeros
        return _shifted(self._zero, array)

    def per_sample(self, array: np.ndarray) -> KerasTensor:
        """An array (1, …) for each sample: (N, …)."""
        from keras import ops

        zeros = ops.zeros_like(self._inputs[0], dtype="int32")
        zeros = ops.sum(zeros, axis=tuple(range(1, len(zeros.shape)))) if len(zeros.shape) > 1 else zeros
        return _shifted(ops.reshape(zeros, (-1,) + (1,) * (array.ndim - 1)), array)

    def positions(self, wanted: OpenRange) -> KerasTensor:
        """0, 1, … over a length that the model leaves open, read off the first input of that length."""
        from keras import ops

        for symbol, recorded in zip(self._inputs, self._first.inputs, strict=True):
            sizes = enumerate(zip(symbol.shape, recorded.shape, strict=True))
            places = [axis for axis, (size, was) in sizes if axis and size is None and was == wanted.size]
            if places:
                zeros = ops.zeros_like(symbol, dtype="int32")
                rest = tuple(axis for axis in range(len(symbol.shape)) if axis != places[0])
                counted = ops.subtract(ops.cumsum(ops.add(ops.sum(zeros, axis=rest), 1), axis=0), 1)
                return counted if wanted.dtype == "int32" else ops.cast(counted, wanted.dtype)
        raise NotAlikeError("counts over a length that no input has")

    def uniform(self, value: Uniform) -> KerasTensor:
        """An array of one number in the shape of the samples, or over a length that is left open."""
        from keras import ops

        if any(isinstance(size, BatchSize) and size.times != 1 for size in value.sizes):
            raise NotAlikeError("computes with a size that the model leaves open")
        rank = len(value.sizes)
        zeros = self.constant(np.zeros((1,) * rank, "int32"))
        for axis, size in enumerate(value.sizes):
            if isinstance(size, OpenSize):
                line = ops.multiply(self.positions(OpenRange(size.first, "int32")), 0)
                zeros = ops.add(ops.reshape(line, [-1 if one == axis else 1 for one in range(rank)]), zeros)
        if isinstance(value.sizes[0], BatchSize):
            zeros = self.for_each_sample(zeros)
        return _shifted(zeros, np.full([s if isinstance(s, int) else 1 for s in value.sizes], value.number))

    def for_each_sample(self, x: KerasTensor) -> KerasTensor:
        """A tensor (1, …) for each sample.

        The zeros come first: Keras takes a second operand (N, 1, 1) for a bias where N is the first's width.
        """
        from keras import ops

        zeros = self.per_sample(np.zeros((1,) * len(x.shape), x.dtype))
        return ops.logical_or(zeros, x) if x.dtype == "bool" else ops.add(zeros, x)

    def given(self, value: Argument) -> Argument:
        """What a call gets in the new model in place of recorded values, nested as they are."""
        return nodes.map_values(value, self._given)


def _shifted(zero: KerasTensor, array: np.ndarray) -> KerasTensor:
    """A symbolic 0 plus an array, in the array's type."""
    from keras import ops

    dtype = str(array.dtype)
    if dtype == "bool":
        return ops.cast(ops.add(zero, array.astype("int32")), "bool")
    return ops.add(zero if dtype == "int32" else ops.cast(zero, dtype), array)


def _of_queries(mask: KerasTensor, other: KerasTensor | None) -> KerasTensor:
    """An attention's mask (N, T, S) with its queries' (N, T), which Keras reads off the queries alone."""
    from keras import ops

    rows = ops.expand_dims(mask, -1)
    return rows if other is None else ops.logical_and(ops.cast(other, "bool"), rows)


def _config(operation: KerasLayer) -> dict[str, object]:
    config = dict(operation.get_config())
    config.pop("name", None)
    return config


def _renewed(old: KerasLayer, changed: Mapping[str, object]) -> KerasLayer:
    """A closed layer, under another name."""
    import keras

    if nodes.is_graph_model(old):
        made = keras.models.clone_model(old)
        made.name = changed["name"]
        return made
    kind = class_of_keras(old)
    if kind is not None:
        return getattr(keras.layers, kind).from_config({**old.get_config(), **changed})
    return made_anew(old, {**plain_config(old), **changed})
