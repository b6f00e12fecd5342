"""A bag of embeddings: the mean of the words' vectors, then a dense layer (Iyyer et al. 2015; fastText)."""

from __future__ import annotations

from edgeprune.data.text import movie_reviews
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(length,) numbers -> 32-wide vectors -> mean without padding -> dense 32 -> classes."""
    x = layers.Embedding(sizes.vocabulary, 32, mask_zero=True)(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dropout(0.3)(layers.Dense(32, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "text-bag", "text", "the mean of word vectors, then a dense layer", build, movie_reviews,
    TrainingRecipe(epochs=8, learning_rate=3e-3, weight_decay=1e-3),
)
