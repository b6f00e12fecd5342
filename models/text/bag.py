"""A bag of embeddings: the mean of the words' vectors, then a dense layer (Iyyer et al. 2015; fastText)."""

from __future__ import annotations

from typing import Any

from edgeprune.data.text import movie_reviews
from edgeprune_models.architecture import classifier, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(length,) numbers -> 32-wide vectors -> mean without padding -> dense 32 -> classes."""
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape, dtype="int32")
    x = layers.Embedding(vocabulary, 32, mask_zero=True)(inputs)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dropout(0.3)(layers.Dense(32, activation="relu")(x))
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="text_bag")


MODEL = ZooModel(
    "text-bag", "text", "the mean of word vectors, then a dense layer", build, movie_reviews,
    Recipe(epochs=8, learning_rate=3e-3, weight_decay=1e-3),
)
