"""The plain network: one hidden layer of 100 units, for two classes or several."""

from __future__ import annotations

import functools

from edgeprune.data.tabular import synthetic_rows
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(features,) -> dense 100 -> classes."""
    return classifier(layers, layers.Dense(100, activation="relu", name="hidden")(x), sizes.classes)


_RECIPE = TrainingRecipe(epochs=40, learning_rate=5e-3)
_FINE_TUNING = {"epochs": 25, "batch_size": 64, "learning_rate": 2e-3}
BINARY = ZooModel(
    "mlp-binary", "tabular", "100 hidden units, two classes", build, synthetic_rows, _RECIPE,
    fine_tuning=_FINE_TUNING, keras_name="mlp",
)
SEVERAL = ZooModel(
    "mlp", "tabular", "100 hidden units, five classes", build,
    functools.partial(synthetic_rows, classes=5), _RECIPE, fine_tuning=_FINE_TUNING,
)
