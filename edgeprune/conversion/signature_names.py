"""Readable names for a model's inputs and outputs.

What Keras makes up (``input_3``, ``keras_tensor_17``, ``dense_2``) carries a counter that differs from
one build of the same model to the next; such a name becomes ``input`` or ``output``, numbered
where there are several.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgeprune.errors import InputError
from edgeprune.keras_types import KerasLayer, KerasModel

_MADE_UP_INPUT = re.compile(r"(input|inputs|input_layer|keras_tensor)(_\d+)*")


def inputs_of(model: KerasModel) -> list[str]:
    """Names of the inputs, in the model's order.

    Raises:
        InputError: the model does not know its inputs, being subclassed or not built.
    """
    if not getattr(model, "inputs", None):
        raise InputError(
            f"Model {getattr(model, 'name', model)!r} does not know its inputs.",
            "A Functional or Sequential model that has been built.",
            "Wrap it: keras.Model(inputs, model(inputs)) with inputs = keras.Input(shape).",
        )
    given = [_plain(tensor.name) for tensor in model.inputs]
    return _readable(given, [bool(_MADE_UP_INPUT.fullmatch(name)) for name in given], "input")


def outputs_of(model: KerasModel) -> list[str]:
    """Names of the layers that give the outputs, in the model's order."""
    given = [_plain(name) for name in getattr(model, "output_names", [])]
    if len(given) != len(model.outputs):
        given = ["output"] * len(model.outputs)
    default = {layer.name: _default_name(layer) for layer in model.layers}
    made_up = [re.sub(r"_\d+$", "", name).replace("_", "") == default.get(name, "output") for name in given]
    return _readable(given, made_up, "output")


def _plain(name: str) -> str:
    return re.sub(r"[:/].*", "", name)


def _default_name(layer: KerasLayer) -> str:
    """The name Keras gives a layer of this class, without underscores and counter."""
    return type(layer).__name__.lower()


def _readable(given: Sequence[str], made_up: Sequence[bool], kind: str) -> list[str]:
    if list(made_up) == [True]:
        return [kind]
    numbered = [f"{kind}_{i}" for i in range(len(given))]
    names = [number if plain else name for name, plain, number in zip(given, made_up, numbered, strict=True)]
    return names if len(set(names)) == len(names) else numbered
