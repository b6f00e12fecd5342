"""Outputs that are drawn at random: of variational autoencoders, augmentation, dropout that is left on.

They differ between two calls on the same samples, so that nothing can be compared with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.keras_bridge.inference import unchanged_by
from edgeprune.keras_bridge.input_structure import as_taken, in_order_of_outputs
from edgeprune.keras_bridge.inside.composites import all_layers
from edgeprune.keras_bridge.same_draws import differ, may_draw
from edgeprune.keras_types import KerasModel, KerasTensor

_SAMPLES = 16
_CALLS = 3


def drawn_outputs(model: KerasModel, inputs: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Which of the model's outputs differ between calls on the same samples, by number.

    Args:
        inputs: one array for each of the model's inputs.

    Raises:
        InputError: all do.
    """
    if not any(map(may_draw, all_layers(model))):
        return ()
    size = next((one.shape[0] for one in model.inputs if one.shape[0] is not None), None)
    rows = np.arange(size or min(len(inputs[0]), _SAMPLES)) % len(inputs[0])
    tensors = [_tensor(one[rows], symbol) for one, symbol in zip(inputs, model.inputs, strict=True)]
    given = as_taken(model, tensors if len(tensors) > 1 else tensors[0])
    first, *others = (_outputs(model, given, seed) for seed in range(_CALLS))
    drawn = tuple(
        place for place, output in enumerate(first) if any(differ(output, other[place]) for other in others)
    )
    if len(drawn) == len(first):
        raise InputError(
            f"Every output of model '{model.name}' differs from call to call on the same samples"
            f"{_because(model)}.",
            "A model of which at least one output is the same at each call is expected.",
            "Leave out what draws random numbers. In a variational autoencoder, decode the mean in place of "
            "the drawn value: keras.Model(inputs, decoder(z_mean)). For dropout, leave out training=True.",
        )
    return drawn


def drawn_sentence(names: Sequence[str]) -> str:
    """Which outputs are drawn, for people."""
    listed = " and ".join(f"'{name}'" for name in names)
    if len(names) == 1:
        return f"Output {listed} is random: it differs from call to call on the same samples."
    return f"Outputs {listed} are random: they differ from call to call on the same samples."


def _outputs(model: KerasModel, given: object, seed: int) -> list[np.ndarray]:
    """Of a whole call, in inference mode, from states of zeros."""
    for layer in all_layers(model):
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
            layer.reset_states()
    made = unchanged_by(model, lambda: model(given, training=False), seed=seed)
    return [np.asarray(value) for value in in_order_of_outputs(model, made)]


def _because(model: KerasModel) -> str:
    """The layers that draw, as far as they tell: those of users, whose names they know."""
    drawing = [layer.name for layer in all_layers(model) if layer is not model and may_draw(layer)]
    return f" (layers that may draw random numbers: {', '.join(drawing[:3])})" if drawing else ""


def _tensor(array: np.ndarray, symbol: KerasTensor) -> KerasTensor:
    import tensorflow as tf

    return tf.cast(tf.convert_to_tensor(array), symbol.dtype)
