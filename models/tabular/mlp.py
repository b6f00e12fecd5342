"""The plain network: one hidden layer of 100 units, for two classes or several."""

from __future__ import annotations

import functools
from typing import Any

from edgeprune.data.tabular import synthetic_rows
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(features,) -> dense 100 -> classes."""
    del vocabulary
    tf_keras = keras(seed)
    inputs = tf_keras.layers.Input(input_shape)
    x = tf_keras.layers.Dense(100, activation="relu", name="hidden")(inputs)
    return tf_keras.Model(inputs, classifier(tf_keras.layers, x, classes), name="mlp")


_RECIPE = Recipe(epochs=40, learning_rate=5e-3)
_FINE_TUNING = {"epochs": 25, "batch_size": 64, "learning_rate": 2e-3}
BINARY = ZooModel(
    "mlp-binary", "tabular", "100 hidden units, two classes", build, synthetic_rows, _RECIPE,
    fine_tuning=_FINE_TUNING,
)
SEVERAL = ZooModel(
    "mlp", "tabular", "100 hidden units, five classes", build,
    functools.partial(synthetic_rows, classes=5), _RECIPE, fine_tuning=_FINE_TUNING,
)
