"""A convolution over time and frequency, then a GRU over time (CRNN, Arik et al. 2017)."""

from __future__ import annotations

from typing import Any

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune_models.architecture import MOMENTUM, as_image, classifier, keras
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(frames, bands) -> conv 10x4 / (2, 4) -> rows of features -> GRU 64 -> dense 64 -> classes."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape)
    x = layers.Conv2D(32, (10, 4), (2, 4), padding="same", use_bias=False)(as_image(layers, inputs))
    x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.GRU(64)(layers.Dropout(0.2)(x))
    x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(x))
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="crnn")


MODEL = ZooModel(
    "crnn", "speech", "a convolution, then a GRU over time", build, synthetic_commands,
    Recipe(epochs=14, batch_size=32, learning_rate=2e-3, augmentation=SPEECH),
    fine_tuning={"epochs": 6, "learning_rate": 1e-3},
)
