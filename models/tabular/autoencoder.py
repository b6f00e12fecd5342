"""A fully connected autoencoder: an anomaly is what it cannot reproduce (compare MLPerf Tiny's AD)."""

from __future__ import annotations

from typing import Any

from edgeprune.data.tabular import synthetic_anomalies
from edgeprune_models.architecture import MOMENTUM, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(features,) -> 64 -> 64 -> 8 -> 64 -> 64 -> (features,)."""
    del classes, vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape)
    x = inputs
    for width in (64, 64, 8, 64, 64):
        x = layers.Dense(width, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))
    return tf_keras.Model(inputs, layers.Dense(input_shape[0], name="output")(x), name="autoencoder")


MODEL = ZooModel(
    "autoencoder", "tabular", "finds anomalies by what it cannot reproduce", build, synthetic_anomalies,
    Recipe(epochs=40, learning_rate=3e-3, loss="reconstruction"),
    fine_tuning={"epochs": 12, "learning_rate": 2e-3},
)
