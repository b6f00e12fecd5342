"""A text CNN (Kim 2014): convolutions over 3, 4 and 5 words side by side, the strongest match of each."""

from __future__ import annotations

import functools

from edgeprune.data.text import movie_reviews
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(length,) numbers -> 48-wide vectors -> 3 x (conv, max over time) -> concatenate -> dense 64."""
    embedded = layers.SpatialDropout1D(0.2)(layers.Embedding(sizes.vocabulary, 48)(x))
    found = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(48, width, activation="relu", padding="same")(embedded))
        for width in (3, 4, 5)
    ]
    x = layers.Dropout(0.4)(layers.Concatenate()(found))
    x = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


# The default model trains while somebody waits: the last 128 words of 12,000 reviews are enough for it.
MODEL = ZooModel(
    "text-cnn", "text", "convolutions over 3, 4 and 5 words, max over time", build,
    functools.partial(movie_reviews, length=128, keep="end", limit=12_000),
    TrainingRecipe(epochs=3, learning_rate=2e-3, weight_decay=1e-3),
)
