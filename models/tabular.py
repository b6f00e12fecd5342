"""The zoo's models for rows of numbers (features,)."""

from __future__ import annotations

import functools

from edgeprune.data.tabular import synthetic_anomalies, synthetic_rows
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.entry import Sizes, TrainingRecipe, ZooModel, classifier, normalized


def mlp(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """The plain network: (features,) -> dense 100 -> classes."""
    return classifier(layers, layers.Dense(100, activation="relu", name="hidden")(x), sizes.classes)


_RECIPE = TrainingRecipe(epochs=40, learning_rate=5e-3)
_FINE_TUNING = {"epochs": 25, "batch_size": 64, "learning_rate": 2e-3}
MLP_BINARY = ZooModel(
    "mlp-binary", "tabular", "100 hidden units, two classes", mlp, synthetic_rows, _RECIPE,
    fine_tuning=_FINE_TUNING, keras_name="mlp",
)
MLP = ZooModel(
    "mlp", "tabular", "100 hidden units, five classes", mlp,
    functools.partial(synthetic_rows, classes=5), _RECIPE, fine_tuning=_FINE_TUNING,
)


def autoencoder(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A fully connected autoencoder: an anomaly is what it cannot reproduce (compare MLPerf Tiny's AD).

    (features,) -> 64 -> 64 -> 8 -> 64 -> 64 -> (features,).
    """
    del sizes
    features = x.shape[1]
    for width in (64, 64, 8, 64, 64):
        x = normalized(layers, layers.Dense(width, use_bias=False)(x))
    return layers.Dense(features, name="output")(x)


AUTOENCODER = ZooModel(
    "autoencoder", "tabular", "finds anomalies by what it cannot reproduce", autoencoder, synthetic_anomalies,
    TrainingRecipe(epochs=40, learning_rate=3e-3, loss="reconstruction"),
    fine_tuning={"epochs": 12, "learning_rate": 2e-3},
)
