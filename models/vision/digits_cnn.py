"""The default vision model: a small residual convolutional network for 28 x 28 digits.

conv 32 / 2 -> conv 48 / 2 -> residual (conv 48) -> conv 64 -> flatten -> dense 64.
Large enough that a device feels the difference, small enough to train in half a minute on two cores.
"""

from __future__ import annotations

from edgeprune.data.vision import digits
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier, normalized
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> the layers that the module names -> classes."""

    def convolved(x: KerasTensor, filters: int, strides: int = 1) -> KerasTensor:
        return normalized(layers, layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x))

    x = convolved(convolved(x, 32, strides=2), 48, strides=2)
    x = layers.Add()([x, convolved(x, 48)])
    x = layers.Dropout(0.3)(layers.Flatten()(convolved(x, 64)))
    x = layers.Dense(64, activation="relu")(x)
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "digits-cnn", "vision", "residual convolutional network for 28 x 28 digits", build, digits,
    TrainingRecipe(
        epochs=10, batch_size=128, learning_rate=4e-3, weight_decay=1e-3,
        augmentation=({"op": "shift_image", "pixels": 2},),
    ),
    input_name="image",
)
