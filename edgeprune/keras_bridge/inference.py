"""Calls a layer of the user's own in inference mode, and leaves it as it was.

What such a layer does inside is its own business: its ``call`` may name no `training`, some layers of Keras
ask for training mode unless told otherwise (Resizing), others may be told ``training=True`` in so many words.
Statistics would move with every sample that edgeprune shows to the model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_types import KerasLayer


def unchanged_by(layer: KerasLayer, call: Callable[[], object]) -> object:
    """What `call`, which calls the layer, returns; variables that it assigns get their values back."""
    if is_keras3(layer):
        import keras

        with keras.StatelessScope():
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
