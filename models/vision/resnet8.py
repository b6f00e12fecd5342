"""ResNet-8, MLPerf Tiny's image classifier: three residual stages of 16, 32 and 64 channels."""

from __future__ import annotations

from typing import Any

from edgeprune.data.vision import digits
from edgeprune_models.architecture import MOMENTUM, classifier, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """Image -> conv 16 -> stages (16, 32 / 2, 64 / 2), each two 3x3 convolutions and a shortcut -> mean."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers

    def convolved(x: Any, filters: int, size: int, strides: int) -> Any:
        decay = tf_keras.regularizers.l2(1e-4)
        return layers.Conv2D(filters, size, strides, padding="same", kernel_regularizer=decay)(x)

    def normalized(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))

    inputs = layers.Input(input_shape)
    x = normalized(convolved(inputs, 16, 3, 1))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        inner = normalized(convolved(x, filters, 3, strides))
        inner = layers.BatchNormalization(momentum=MOMENTUM)(convolved(inner, filters, 3, 1))
        shortcut = x if strides == 1 else convolved(x, filters, 1, strides)
        x = layers.ReLU()(layers.Add()([inner, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="resnet8")


MODEL = ZooModel(
    "resnet-8", "vision", "MLPerf Tiny's image classifier, three residual stages", build, digits,
    Recipe(epochs=12, learning_rate=3e-3, augmentation=({"op": "shift_image", "pixels": 2},)),
    fine_tuning={"epochs": 6, "learning_rate": 2e-3},
)
