"""The zoo's translator: an encoder reads the source, a decoder writes the translation token by token."""

from __future__ import annotations

from edgeprune.data.number_words import number_words
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.entry import Sizes, TrainingRecipe, ZooModel

_WIDTH, _HEADS, _INNER, _NEIGHBOURS = 64, 4, 128, 5


def transformer(
    layers: KerasModule, inputs: tuple[KerasTensor, KerasTensor], sizes: Sizes
) -> KerasTensor:
    """A small encoder-decoder Transformer (Vaswani et al. 2017), one block each, which normalize first.

    (source,) and (written,) numbers -> scores of the token that follows each one written. One table serves
    both inputs and the outputs (Press & Wolf 2017). What the decoder sees ends with the token itself: its
    attention is causal, and it alone is decoded, by `edgeprune.tasks.greedy`.
    """
    import tensorflow as tf

    source, written = inputs
    table = layers.Embedding(sizes.vocabulary, _WIDTH, name="tokens")

    def normal(x: KerasTensor) -> KerasTensor:
        return layers.LayerNormalization(epsilon=1e-6)(x)

    def added(x: KerasTensor, change: KerasTensor) -> KerasTensor:
        return layers.Add()([x, layers.Dropout(0.05)(change)])

    def attended(x: KerasTensor, memory: KerasTensor | None = None) -> KerasTensor:
        query, attention = normal(x), layers.MultiHeadAttention(_HEADS, _WIDTH // _HEADS)
        return added(x, attention(query, query) if memory is None else attention(query, memory))

    def fed_forward(x: KerasTensor) -> KerasTensor:
        return added(x, layers.Dense(_WIDTH)(layers.Dense(_INNER, activation="relu")(normal(x))))

    # A depthwise convolution tells tokens their neighbours: a place code that needs no layer of ours.
    x = table(source)
    x = layers.Add()([x, layers.DepthwiseConv1D(_NEIGHBOURS, padding="same")(x)])
    memory = normal(fed_forward(attended(x)))
    y = table(written)
    earlier = layers.ZeroPadding1D((_NEIGHBOURS - 1, 0))(y)
    y = layers.Add()([y, layers.DepthwiseConv1D(_NEIGHBOURS)(earlier)])
    query = normal(y)
    y = added(y, layers.MultiHeadAttention(_HEADS, _WIDTH // _HEADS)(query, query, use_causal_mask=True))
    y = normal(fed_forward(attended(y, memory)))
    # Every row of the table, looked up: the layer stays the only one that holds it.
    every = written[:1, :1] * 0 + list(range(sizes.vocabulary))
    return layers.Softmax(name="output")(tf.matmul(y, tf.transpose(table(every)[0])))


TRANSFORMER = ZooModel(
    "number-translator", "translation", "a Transformer encoder and decoder, numbers in words to German",
    transformer, number_words, TrainingRecipe(epochs=16, learning_rate=3e-3),
    fine_tuning={"epochs": 8, "learning_rate": 2e-3}, input_names=("source", "written"),
)
