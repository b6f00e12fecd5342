"""A text CNN (Kim 2014): convolutions over 3, 4 and 5 words side by side, the strongest match of each."""

from __future__ import annotations

import functools
from typing import Any

from edgeprune.data.text import movie_reviews
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(length,) numbers -> 48-wide vectors -> 3 x (conv, max over time) -> concatenate -> dense 64."""
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape, dtype="int32")
    embedded = layers.SpatialDropout1D(0.2)(layers.Embedding(vocabulary, 48)(inputs))
    found = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(48, width, activation="relu", padding="same")(embedded))
        for width in (3, 4, 5)
    ]
    x = layers.Dropout(0.4)(layers.Concatenate()(found))
    x = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(x))
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="text_cnn")


# The default model trains while somebody waits: the last 128 words of 12,000 reviews are enough for it.
MODEL = ZooModel(
    "text-cnn", "text", "convolutions over 3, 4 and 5 words, max over time", build,
    functools.partial(movie_reviews, length=128, keep="end", limit=12_000),
    Recipe(epochs=3, learning_rate=2e-3, weight_decay=1e-3),
)
