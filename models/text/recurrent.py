"""Recurrent text classifiers: an LSTM read both ways, and a GRU; the maximum over time of their states.

The maximum needs no mask, so that the runtime's fused LSTM fits.
"""

from __future__ import annotations

import functools
from typing import Any

from edgeprune.data.text import movie_reviews
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.entry import Recipe, ZooModel


def build_bilstm(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(length,) numbers -> 48-wide vectors -> LSTM 48 both ways -> max over time -> dense 48 -> classes."""
    return _build(input_shape, classes, seed, vocabulary, both_ways=True)


def build_gru(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(length,) numbers -> 48-wide vectors -> GRU 64 -> max over time -> dense 48 -> classes."""
    return _build(input_shape, classes, seed, vocabulary, both_ways=False)


def _build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int, *, both_ways: bool) -> Any:
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape, dtype="int32")
    x = layers.Embedding(vocabulary, 48)(inputs)
    x = layers.SpatialDropout1D(0.3)(x)
    if both_ways:
        x = layers.Bidirectional(layers.LSTM(48, return_sequences=True))(x)
    else:
        x = layers.GRU(64, return_sequences=True)(x)
    x = layers.Dropout(0.3)(layers.GlobalMaxPooling1D()(x))
    x = layers.Dropout(0.3)(layers.Dense(48, activation="relu")(x))
    name = "text_bilstm" if both_ways else "text_gru"
    return tf_keras.Model(inputs, classifier(layers, x, classes), name=name)


_RECIPE = Recipe(epochs=4, learning_rate=3e-3, weight_decay=1e-3)
# tfmot cannot mask what a recurrent layer reads: fading would only add an epoch.
_FINE_TUNING = {"gradual_epochs": 0, "epochs": 6, "learning_rate": 3e-3}
_reviews = functools.partial(movie_reviews, length=128, keep="end", limit=8_000)
BILSTM = ZooModel(
    "text-bilstm", "text", "an LSTM read both ways", build_bilstm, _reviews, _RECIPE,
    fine_tuning=_FINE_TUNING,
)
GRU = ZooModel(
    "text-gru", "text", "a GRU over word vectors", build_gru, _reviews, _RECIPE, fine_tuning=_FINE_TUNING,
)
