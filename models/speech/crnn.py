"""A convolution over time and frequency, then a GRU over time (CRNN, Arik et al. 2017)."""

from __future__ import annotations

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, as_image, classifier, normalized
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(frames, bands) -> conv 10x4 / (2, 4) -> rows of features -> GRU 64 -> dense 64 -> classes."""
    x = layers.Conv2D(32, (10, 4), (2, 4), padding="same", use_bias=False)(as_image(layers, x))
    x = normalized(layers, x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.GRU(64)(layers.Dropout(0.2)(x))
    x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "crnn", "speech", "a convolution, then a GRU over time", build, synthetic_commands,
    TrainingRecipe(epochs=14, batch_size=32, learning_rate=2e-3, augmentation=SPEECH),
    fine_tuning={"epochs": 6, "learning_rate": 1e-3},
)
