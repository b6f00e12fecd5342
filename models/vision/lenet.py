"""LeNet-300-100 and LeNet-5 (LeCun et al. 1998), with ReLU and max pooling as they are used today."""

from __future__ import annotations

from edgeprune.data.vision import digits
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.entry import TrainingRecipe, ZooModel

_SHIFT = ({"op": "shift_image", "pixels": 2},)


def build_300_100(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> flatten -> dense 300 -> dense 100 -> classes."""
    x = layers.Flatten()(x)
    for width in (300, 100):
        x = layers.Dropout(0.2)(layers.Dense(width, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


def build_5(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> conv 20, pool -> conv 50, pool -> dense 500 -> classes (Caffe's widths)."""
    for filters in (20, 50):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 5, activation="relu")(x))
    x = layers.Dropout(0.4)(layers.Dense(500, activation="relu")(layers.Flatten()(x)))
    return classifier(layers, x, sizes.classes)


LENET_300_100 = ZooModel(
    "lenet-300-100", "vision", "two dense layers of 300 and 100", build_300_100, digits,
    TrainingRecipe(epochs=25, learning_rate=2e-3, augmentation=_SHIFT),
    fine_tuning={"epochs": 12, "learning_rate": 2e-3},
)
LENET_5 = ZooModel(
    "lenet-5", "vision", "two convolutions with pooling, a dense layer", build_5, digits,
    TrainingRecipe(epochs=12, learning_rate=2e-3, augmentation=_SHIFT),
)
