"""LeNet-300-100 and LeNet-5 (LeCun et al. 1998), with ReLU and max pooling as they are used today."""

from __future__ import annotations

from typing import Any

from edgeprune.data.vision import digits
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.entry import Recipe, ZooModel

_SHIFT = ({"op": "shift_image", "pixels": 2},)


def build_300_100(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """Image -> flatten -> dense 300 -> dense 100 -> classes."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape)
    x = layers.Flatten()(inputs)
    for width in (300, 100):
        x = layers.Dropout(0.2)(layers.Dense(width, activation="relu")(x))
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="lenet_300_100")


def build_5(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """Image -> conv 20, pool -> conv 50, pool -> dense 500 -> classes (Caffe's widths)."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape)
    x = inputs
    for filters in (20, 50):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 5, activation="relu")(x))
    x = layers.Dropout(0.4)(layers.Dense(500, activation="relu")(layers.Flatten()(x)))
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="lenet_5")


LENET_300_100 = ZooModel(
    "lenet-300-100", "vision", "two dense layers of 300 and 100", build_300_100, digits,
    Recipe(epochs=25, learning_rate=2e-3, augmentation=_SHIFT),
    fine_tuning={"epochs": 12, "learning_rate": 2e-3},
)
LENET_5 = ZooModel(
    "lenet-5", "vision", "two convolutions with pooling, a dense layer", build_5, digits,
    Recipe(epochs=12, learning_rate=2e-3, augmentation=_SHIFT),
)
