"""A fully connected network on all frames at once: three layers of 144 (Zhang et al. 2017, Hello Edge)."""

from __future__ import annotations

from typing import Any

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(frames, bands) -> flatten -> 144 -> 144 -> 144 -> classes."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape)
    x = layers.Flatten()(inputs)
    for number in range(3):
        x = layers.Dense(144, activation="relu", name=f"dense_{number}")(x)
        x = layers.Dropout(0.2)(x)
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="speech_dnn")


MODEL = ZooModel(
    "speech-dnn", "speech", "three dense layers of 144 on all frames", build, synthetic_commands,
    Recipe(epochs=20, augmentation=SPEECH),
    fine_tuning={"epochs": 6},
)
