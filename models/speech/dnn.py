"""A fully connected network on all frames at once: three layers of 144 (Zhang et al. 2017, Hello Edge)."""

from __future__ import annotations

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(frames, bands) -> flatten -> 144 -> 144 -> 144 -> classes."""
    x = layers.Flatten()(x)
    for number in range(3):
        x = layers.Dense(144, activation="relu", name=f"dense_{number}")(x)
        x = layers.Dropout(0.2)(x)
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "speech-dnn", "speech", "three dense layers of 144 on all frames", build, synthetic_commands,
    TrainingRecipe(epochs=20, augmentation=SPEECH),
    fine_tuning={"epochs": 6},
)
