"""A fully connected autoencoder: an anomaly is what it cannot reproduce (compare MLPerf Tiny's AD)."""

from __future__ import annotations

from edgeprune.data.tabular import synthetic_anomalies
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, normalized
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(features,) -> 64 -> 64 -> 8 -> 64 -> 64 -> (features,)."""
    del sizes
    features = x.shape[1]
    for width in (64, 64, 8, 64, 64):
        x = normalized(layers, layers.Dense(width, use_bias=False)(x))
    return layers.Dense(features, name="output")(x)


MODEL = ZooModel(
    "autoencoder", "tabular", "finds anomalies by what it cannot reproduce", build, synthetic_anomalies,
    TrainingRecipe(epochs=40, learning_rate=3e-3, loss="reconstruction"),
    fine_tuning={"epochs": 12, "learning_rate": 2e-3},
)
