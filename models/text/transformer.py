"""A small Transformer encoder (Vaswani et al. 2017), two blocks that normalize first, mean over words."""

from __future__ import annotations

import functools

from edgeprune.data.text import movie_reviews
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.entry import TrainingRecipe, ZooModel

WIDTH, HEADS, INNER, BLOCKS = 64, 4, 128, 2


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(length,) numbers -> vectors -> + depthwise 5 -> 2 x (attention, feed-forward) -> mean -> classes."""
    x = layers.Embedding(sizes.vocabulary, WIDTH)(x)
    # A depthwise convolution tells words their neighbours: a place code that needs no layer of ours.
    x = layers.Add()([x, layers.DepthwiseConv1D(5, padding="same")(x)])
    for _ in range(BLOCKS):
        normal = layers.LayerNormalization(epsilon=1e-6)(x)
        attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(normal, normal)
        x = layers.Add()([x, layers.Dropout(0.2)(attended)])
        inner = layers.Dense(INNER, activation="relu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add()([x, layers.Dropout(0.2)(layers.Dense(WIDTH)(inner))])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return classifier(layers, layers.Dropout(0.3)(x), sizes.classes)


MODEL = ZooModel(
    "text-transformer", "text", "a Transformer encoder of two blocks, four heads", build,
    functools.partial(movie_reviews, length=128, keep="end", limit=8_000),
    TrainingRecipe(epochs=5, learning_rate=1e-3, weight_decay=1e-3),
)
