"""Makes a functional Keras 2 model of Keras' own layers and operations from the recording of a model.

As `edgeprune.keras_bridge.inside.plain_model` does for Keras 3; the batch was open while it was recorded, so
that every call is made again as it was.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Argument
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.build import made_anew
from edgeprune.keras_bridge.error_text import error_text
from edgeprune.keras_bridge.inside import own_weights
from edgeprune.keras_bridge.inside.composites import has_own_activation, is_opened
from edgeprune.keras_bridge.inside.names import Names, output_names, paths_of, with_output_names
from edgeprune.keras_bridge.inside.recorded_calls import CallError, RecordedCall, Recording
from edgeprune.keras_bridge.inside.weight_layers import WeightLayers
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_bridge.opened import CLOSED
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor

_OPERATIONS = ("TFOpLambda", "SlicingOpLambda")


class Keras2PlainModel:
    """One plain model in the making."""

    def __init__(self, model: KerasModel, recording: Recording, reasons: Mapping[Identity, str]) -> None:
        self._model, self._recording, self._reasons = model, recording, reasons
        self._values: dict[Identity, object] = {}
        self._layers: dict[Identity, KerasLayer] = {}
        self._arrays: list[tuple[KerasLayer, list[np.ndarray]]] = []
        self._paths = paths_of(model)
        self._names = Names(self._paths.values())
        self._weights = WeightLayers(model, recording, self._paths, self._names)
        self._variables = {Identity(one): key for key, (one, _) in recording.weights.items()}
        self._zero: KerasTensor | None = None

    def build(self, inputs: Argument) -> KerasModel:
        """The model on new symbolic inputs, nested as it takes them.

        Raises:
            CallError: a call cannot be made again.
        """
        import tf_keras

        self._inputs = nodes.tensors_in(inputs)
        self._values.update(zip(map(Identity, self._recording.inputs), self._inputs, strict=True))
        for call in self._recording.calls:
            try:
                made = self._made(call)
            except InputError as error:
                if call.owner is None:
                    raise
                raise CallError(call.owner, f"cannot be read as layers: {error.found}") from error
            except Exception as error:
                raise CallError(call.owner, f"cannot be read as layers: {error_text(error)}") from error
            self._values.update(zip(map(Identity, call.outputs), nodes.tensors_in(made), strict=True))
        outputs = nodes.map_tensors(self._recording.outputs, self._given)
        ends = output_names(self._model, outputs)
        outputs = with_output_names(tf_keras, outputs, ends, self._names)
        plain = tf_keras.Model(inputs, outputs, name=self._model.name)
        own_weights.set_all([*self._arrays, *self._weights.arrays])
        return plain

    def _made(self, call: RecordedCall) -> Argument:
        if type(call.operation).__name__ in _OPERATIONS:
            found = self._of_weights(call)
            if found is not None:
                return found
        args, kwargs = nodes.map_values((call.args, dict(call.kwargs)), self._given)
        if not hasattr(call.operation, "symbol") and type(call.operation).__name__ not in _OPERATIONS:
            kwargs = self._with_masks(call, args, kwargs)
        return self._layer(call.operation)(*args, **kwargs)

    def _of_weights(self, call: RecordedCall) -> KerasTensor | None:
        """A lookup, a product or an addition of a weight as the layer that does the same."""
        fused = self._weights.fused(call)
        if fused is not None:
            return fused
        kind, given = own_weights.kind_of(call), nodes.tensors_in((call.args, dict(call.kwargs)))
        if kind == "Take" and own_weights.is_lookup(call) and Identity(given[0]) in self._recording.weights:
            index = call.args[1] if len(call.args) > 1 else call.kwargs.get("indices", call.kwargs.get("ids"))
            index = self._given(index)
            if type(index).__name__ not in nodes.SYMBOLS:
                index = self._constant(np.asarray(index).astype("int32"))
            return self._weights.table(Identity(given[0]))(index)
        if kind == "Matmul" and len(given) == 2 and self._weights.is_kernel(given[1]):
            return self._weights.dense(call, given[1], self._given(given[0]))
        return None

    def _given(self, value: Argument) -> Argument:
        """What a call gets in the new model in place of a recorded value."""
        import tensorflow as tf

        if type(value).__name__ in nodes.SYMBOLS:
            key = Identity(value)
            return self._weight(key) if key in self._recording.weights else self._values[key]
        if isinstance(value, tf.Variable):
            if Identity(value) not in self._variables:
                raise CallError(None, f"computes with the variable '{value.name}', which no layer holds")
            return self._weight(self._variables[Identity(value)])
        return value

    # --- layers ---

    def _layer(self, old: KerasLayer) -> KerasLayer:
        key = Identity(old)
        if key not in self._layers:
            is_new = key not in self._paths
            name = self._names.new(old.name) if is_new else self._names.of_layer(self._paths[key])
            splits = has_own_activation(old) and key not in self._reasons
            changed = {"activation": "linear", "name": name} if splits else {"name": name}
            self._layers[key] = made = _renewed(old, changed)
            if key in self._reasons and is_opened(old):
                CLOSED[made] = self._reasons[key]
            if old.weights:
                self._arrays.append((made, old.get_weights()))
        return self._layers[key]

    def _with_masks(
        self, call: RecordedCall, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Keyword arguments with the masks that came along unseen, where operations lost them."""
        given, found = nodes.tensors_in((args, dict(kwargs))), dict(kwargs)
        taken = inspect.signature(call.operation.call).parameters
        lost = [
            mask for symbol, mask in zip(given, call.masks, strict=False)
            if mask is not None and getattr(symbol, "_keras_mask", None) is None
        ]
        if not lost:
            return found
        first = self._given(lost[0])
        if "mask" in taken and found.get("mask") is None:
            found["mask"] = first
        elif "attention_mask" in taken:
            found["attention_mask"] = _of_keys(first, found.get("attention_mask"))
        return found

    # --- weights and constants ---

    def _weight(self, key: Identity) -> KerasTensor:
        """A weight as a tensor."""
        import tensorflow as tf

        variable, _ = self._recording.weights[key]
        shape = tuple(variable.shape)
        if not variable.dtype.is_floating:
            return self._constant(np.asarray(variable))
        if key not in self._values:
            layer = self._weights.table(key)
            rows = layer(self._constant(np.arange(layer.input_dim, dtype="int32")))
            axis = own_weights.channel_axis(shape)
            last = shape if axis == -1 else (*shape[:axis], *shape[axis + 1:], shape[axis])
            value = rows if tuple(rows.shape) == last else tf.reshape(rows, last)
            if axis != -1:
                order = list(range(len(shape) - 1))
                order.insert(axis, len(shape) - 1)
                value = tf.transpose(value, order)
            self._values[key] = value
        return self._values[key]

    def _constant(self, array: np.ndarray) -> KerasTensor:
        """An array as a symbolic tensor of its own shape: a 0 that is made of an input, plus the array."""
        import tensorflow as tf

        if self._zero is None:
            self._zero = tf.reduce_sum(tf.zeros_like(self._inputs[0], dtype="int32"))
        zero = self._zero if array.dtype == np.int32 else tf.cast(self._zero, array.dtype)
        return tf.add(zero, array)

def _of_keys(mask: KerasTensor, other: KerasTensor | None) -> KerasTensor:
    """An attention's mask (N, T, S) with its queries' (N, T), which Keras reads off the queries alone."""
    import tensorflow as tf

    rows = tf.expand_dims(mask, -1)
    return rows if other is None else tf.logical_and(tf.cast(other, "bool"), rows)


def _renewed(old: KerasLayer, changed: Mapping[str, object]) -> KerasLayer:
    """A closed layer, under another name."""
    import tf_keras

    if nodes.is_graph_model(old):
        made = tf_keras.models.clone_model(old)
        made._name = changed["name"]  # noqa: SLF001 - there is no public way
        return made
    return made_anew(old, changed)
