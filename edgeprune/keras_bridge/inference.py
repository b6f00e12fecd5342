"""Calls a layer of the user's own in inference mode, and leaves it as it was.

What such a layer does inside is its own business: its ``call`` may name no `training`, some layers of Keras
ask for training mode unless told otherwise (Resizing), others may be told ``training=True`` in so many words.
Statistics would move with every sample that edgeprune shows to the model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_types import KerasLayer, KerasTensor


def unchanged_by(layer: KerasLayer, call: Callable[[], object], *, seed: int = 0) -> object:
    """What `call`, which calls the layer, returns; variables that it assigns get their values back.

    Keras 3 draws the same random numbers at each call with the same seed, in a copy of the layer as well.
    """
    if is_keras3(layer):
        import keras
        from keras.src.random.seed_generator import global_seed_generator

        seeds = [one for one in layer.variables if _is_seed(one)] + [global_seed_generator().state]
        with keras.StatelessScope([(one, _seeded(one, seed)) for one in seeds]):
            return in_inference(call)
    before = layer.get_weights()
    try:
        return call()
    finally:
        after = layer.get_weights()
        if any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True)):
            layer.set_weights(before)


def in_inference(call: Callable[[], object]) -> object:
    """What `call` returns inside of a Keras 3 layer that was told training=False, as those below then are."""
    import keras

    class Inference(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, value: object, training: bool | None = None) -> object:  # noqa: ARG002
            return call()

    return Inference()(keras.ops.zeros((1,)), training=False)


def _is_seed(variable: KerasTensor) -> bool:
    """Whether a variable is the state of a generator of random numbers."""
    return bool(variable.name == "seed_generator_state")


def _seeded(variable: KerasTensor, seed: int) -> KerasTensor:
    import keras

    return keras.ops.convert_to_tensor(np.array([seed, 0]), dtype=variable.dtype)
