"""ResNet-8, MLPerf Tiny's image classifier: three residual stages of 16, 32 and 64 channels."""

from __future__ import annotations

from edgeprune.data.vision import digits
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import MOMENTUM, Sizes, classifier, normalized
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> conv 16 -> stages (16, 32 / 2, 64 / 2), each two 3x3 convolutions and a shortcut -> mean."""
    import tf_keras

    def convolved(x: KerasTensor, filters: int, size: int, strides: int) -> KerasTensor:
        decay = tf_keras.regularizers.l2(1e-4)
        return layers.Conv2D(filters, size, strides, padding="same", kernel_regularizer=decay)(x)

    x = normalized(layers, convolved(x, 16, 3, 1))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        inner = normalized(layers, convolved(x, filters, 3, strides))
        inner = layers.BatchNormalization(momentum=MOMENTUM)(convolved(inner, filters, 3, 1))
        shortcut = x if strides == 1 else convolved(x, filters, 1, strides)
        x = layers.ReLU()(layers.Add()([inner, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "resnet-8", "vision", "MLPerf Tiny's image classifier, three residual stages", build, digits,
    TrainingRecipe(epochs=12, learning_rate=3e-3, augmentation=({"op": "shift_image", "pixels": 2},)),
    fine_tuning={"epochs": 6, "learning_rate": 2e-3}, keras_name="resnet8",
)
