"""Recurrent text classifiers: an LSTM read both ways, and a GRU; the maximum over time of their states.

The maximum needs no mask, so that the runtime's fused LSTM fits.
"""

from __future__ import annotations

import functools

from edgeprune.data.text import movie_reviews
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.entry import TrainingRecipe, ZooModel


def recurrent(
    layers: KerasModule, x: KerasTensor, sizes: Sizes, *, both_ways: bool
) -> KerasTensor:
    """(length,) numbers -> 48-wide vectors -> LSTM 48 both ways or GRU 64 -> max over time -> dense 48."""
    x = layers.Embedding(sizes.vocabulary, 48)(x)
    x = layers.SpatialDropout1D(0.3)(x)
    if both_ways:
        x = layers.Bidirectional(layers.LSTM(48, return_sequences=True))(x)
    else:
        x = layers.GRU(64, return_sequences=True)(x)
    x = layers.Dropout(0.3)(layers.GlobalMaxPooling1D()(x))
    x = layers.Dropout(0.3)(layers.Dense(48, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


_RECIPE = TrainingRecipe(epochs=4, learning_rate=3e-3, weight_decay=1e-3)
# tfmot cannot mask what a recurrent layer reads: fading would only add an epoch.
_FINE_TUNING = {"gradual_epochs": 0, "epochs": 6, "learning_rate": 3e-3}
_reviews = functools.partial(movie_reviews, length=128, keep="end", limit=8_000)
BILSTM = ZooModel(
    "text-bilstm", "text", "an LSTM read both ways", functools.partial(recurrent, both_ways=True), _reviews,
    _RECIPE, fine_tuning=_FINE_TUNING,
)
GRU = ZooModel(
    "text-gru", "text", "a GRU over word vectors", functools.partial(recurrent, both_ways=False), _reviews,
    _RECIPE, fine_tuning=_FINE_TUNING,
)
