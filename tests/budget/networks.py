"""A small network with what the runtime treats differently: strides, depthwise, a residual, Flatten."""

from __future__ import annotations

from typing import Any

import numpy as np


def network(flavour: str = "tf_keras") -> Any:
    import importlib

    keras = importlib.import_module(flavour)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = layers.Input((16, 16, 3))
    x = layers.ReLU()(
        layers.BatchNormalization()(layers.Conv2D(24, 3, 2, padding="same", name="stem")(inputs))
    )
    y = layers.DepthwiseConv2D(3, padding="same", name="depth")(layers.Conv2D(40, 1, name="wide")(x))
    x = layers.Add()([x, layers.Conv2D(24, 1, name="narrow")(layers.ReLU()(y))])
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="answer")(x))


def samples(number: int = 64) -> np.ndarray:
    return np.random.default_rng(0).random((number, 16, 16, 3)).astype(np.float32)


def tflite(model: Any) -> bytes:
    from edgeprune.conversion import convert

    return convert(model, "int8", samples(8)).tflite
