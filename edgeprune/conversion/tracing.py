"""From a Keras model of either version to a TensorFlow function with readable names and batch 1.

The function is saved through a plain `tf.Module` that holds the model's variables: it is the one
way that works for both versions (`from_keras_model` fixes no batch and names tensors
``keras_tensor_3``; freezing the function first loses the signature and Keras' fused LSTM).

Names that Keras makes up (``input_3``, ``keras_tensor_17``, ``dense_2``) carry a counter that differs from
one build of the same model to the next; such a name becomes ``input`` or ``output``, numbered where there
are several.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeprune.errors import InputError
from edgeprune.keras_bridge.input_structure import as_taken
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.types.experimental import ConcreteFunction

_GENERIC_INPUT = re.compile(r"(input|inputs|input_layer|keras_tensor)(_\d+)*")


@dataclasses.dataclass(frozen=True)
class TracedModel:
    """A model as a TensorFlow function for inference; names are in the model's order."""

    module: tf.Module  # owns the variables; it must live as long as the function is used
    function: ConcreteFunction  # batch 1
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: tuple[str, ...] = ()  # nested ones too


def trace_for_inference(
    model: KerasModel, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
    shapes: Sequence[tuple[int, ...]] | None = None,
) -> TracedModel:
    """Traces a model that is built: Functional, Sequential, or a subclassed one that knows its inputs.

    The names are the signature's, in place of the model's own; `shapes` of one sample of each input give the
    sizes that the model leaves open.

    Raises:
        InputError: the model has no known input shape, a size stays open, or a layer is stateful.
    """
    import tensorflow as tf

    # The one listing of nested and wrapped layers that both versions have.
    inner = list(model._flatten_layers(include_self=False))  # noqa: SLF001
    _refuse_stateful(inner)
    names_in = tuple(input_names or _input_names(model))
    names_out = tuple(output_names or _output_names(model))
    specs = [
        tf.TensorSpec((1, *_static_shape(model, tensor, shape)), tensor.dtype, name)
        for tensor, name, shape in zip(model.inputs, names_in, shapes or [()] * len(names_in), strict=True)
    ]

    def serve(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        results = model(as_taken(model, tensors[0] if len(tensors) == 1 else list(tensors)), training=False)
        # Identity gives an output that is also an input, or given twice, a tensor of its own.
        flat = [tf.identity(result) for result in tf.nest.flatten(results)]
        return dict(zip(names_out, flat, strict=True))

    module = tf.Module()
    # Keras 3 wraps the variable that a SavedModel has to hold.
    module.weights = [variable.value if is_keras3(variable) else variable for variable in model.variables]
    module.serve = tf.function(serve, autograph=False)
    layers = tuple(layer.name for layer in inner)
    return TracedModel(module, module.serve.get_concrete_function(*specs), names_in, names_out, layers)


def _refuse_stateful(layers: Sequence[KerasLayer]) -> None:
    for layer in layers:
        if getattr(layer, "stateful", False):
            raise InputError(
                f"Layer {layer.name!r} keeps its state from one call to the next (stateful=True).",
                "Layers that start each sample afresh: a converted file holds no variables.",
                "Build the model with stateful=False and load the same weights; states can be inputs "
                "and outputs of the model.",
            )


def _static_shape(model: KerasModel, tensor: KerasTensor, given: tuple[int, ...]) -> tuple[int, ...]:
    wanted = tuple(tensor.shape)[1:]
    sizes = given if len(given) == len(wanted) else wanted
    shape = tuple(size if want is None else want for want, size in zip(wanted, sizes, strict=True))
    if any(size is None for size in shape):
        raise InputError(
            f"Input {tensor.name!r} of model {model.name!r} has the shape (batch, {str(shape)[1:-1]}).",
            "A .tflite file that XNNPACK can plan for needs fixed sizes.",
            "Build the model with a fixed keras.Input shape, such as Input((128,)), and load the weights.",
        )
    return tuple(int(size) for size in shape)


def _input_names(model: KerasModel) -> list[str]:
    """Names of the inputs, in the model's order; a model that is subclassed or not built knows none."""
    if not getattr(model, "inputs", None):
        raise InputError(
            f"Model {getattr(model, 'name', model)!r} does not know its inputs.",
            "A Functional or Sequential model that has been built.",
            "Wrap it: keras.Model(inputs, model(inputs)) with inputs = keras.Input(shape).",
        )
    given = [_plain(tensor.name) for tensor in model.inputs]
    return _readable(given, [bool(_GENERIC_INPUT.fullmatch(name)) for name in given], "input")


def _output_names(model: KerasModel) -> list[str]:
    """Names of the layers that give the outputs, in the model's order."""
    given = [_plain(name) for name in getattr(model, "output_names", [])]
    if len(given) != len(model.outputs):
        given = ["output"] * len(model.outputs)
    # The name Keras gives a layer of a class, without underscores and counter.
    default = {layer.name: type(layer).__name__.lower() for layer in model.layers}
    generic = [re.sub(r"_\d+$", "", name).replace("_", "") == default.get(name, "output") for name in given]
    return _readable(given, generic, "output")


def _plain(name: str) -> str:
    return re.sub(r"[:/].*", "", name)


def _readable(given: Sequence[str], generic: Sequence[bool], kind: str) -> list[str]:
    if list(generic) == [True]:
        return [kind]
    numbered = [f"{kind}_{i}" for i in range(len(given))]
    names = [number if plain else name for name, plain, number in zip(given, generic, numbered, strict=True)]
    return names if len(set(names)) == len(names) else numbered
