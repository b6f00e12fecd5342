"""The default vision model: a small residual convolutional network for 28 x 28 digits.

conv 32 / 2 -> conv 48 / 2 -> residual (conv 48) -> conv 64 -> flatten -> dense 64.
Large enough that a device feels the difference, small enough to train in half a minute on two cores.
"""

from __future__ import annotations

from typing import Any

from edgeprune.data import vision
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """Builds the untrained network."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers

    def convolved(x: Any, filters: int, strides: int = 1) -> Any:
        x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        # So short a training needs statistics that follow faster than Keras' default of 0.99.
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    inputs = layers.Input(input_shape, name="image")
    x = convolved(convolved(inputs, 32, strides=2), 48, strides=2)
    x = layers.Add()([x, convolved(x, 48)])
    x = layers.Dropout(0.3)(layers.Flatten()(convolved(x, 64)))
    x = layers.Dense(64, activation="relu")(x)
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="digits_cnn")


MODEL = ZooModel(
    name="digits-cnn",
    task="vision",
    summary="residual convolutional network for 28 x 28 digits",
    build=build,
    load_data=vision.digits,
    recipe=Recipe(
        epochs=10, batch_size=128, learning_rate=4e-3, weight_decay=1e-3,
        augmentation=({"op": "shift_image", "pixels": 2},),
    ),
)
