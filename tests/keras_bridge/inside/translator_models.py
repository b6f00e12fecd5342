"""Translators as users write them in Keras 3: source and written tokens in, scores of the next ones out."""

import importlib

from tests.keras_bridge.inside.keras_io_blocks import Block, keras, layers, ops

TOKENS, SOURCE, WRITTEN, WIDTH = 30, 9, 7, 32


class PositionalEmbedding(Block):
    """Tokens and places; padding (0) is masked. In reverse it gives scores: the outputs share the table."""

    def make(self, length, tokens, width):
        self.length, self.width = length, width
        self.token = layers.Embedding(tokens, width)
        self.position = layers.Embedding(length, width)

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.token.embeddings))
        places = ops.arange(0, ops.shape(inputs)[-1], 1)
        return self.token(inputs) * self.width**0.5 + self.position(places)

    def compute_mask(self, inputs, mask=None):  # noqa: ARG002  (Keras' own signature)
        return None if inputs.dtype == "float32" else ops.not_equal(inputs, 0)


class Encoder(Block):
    def make(self, width, inner, heads):
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.wide, self.narrow = layers.Dense(inner, activation="relu"), layers.Dense(width)
        self.first, self.second = layers.LayerNormalization(), layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        padding = None if mask is None else ops.cast(mask[:, None, :], "int32")
        x = self.first(inputs + self.attention(inputs, inputs, attention_mask=padding))
        return self.second(x + self.narrow(self.wide(x)))


class Decoder(Block):
    def make(self, width, inner, heads):
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.crossing = layers.MultiHeadAttention(heads, width // heads)
        self.wide, self.narrow = layers.Dense(inner, activation="relu"), layers.Dense(width)
        self.norms = [layers.LayerNormalization() for _ in range(3)]
        self.supports_masking = True

    def call(self, inputs, memory, mask=None):  # noqa: ARG002  (behind the end nothing counts)
        size = ops.shape(inputs)[1]
        causal = ops.cast(ops.arange(size)[:, None] >= ops.arange(size), "int32")[None]
        x = self.norms[0](inputs + self.attention(inputs, inputs, attention_mask=causal))
        x = self.norms[1](x + self.crossing(x, memory))
        return self.norms[2](x + self.narrow(self.wide(x)))


def own_layers():
    """As in keras.io's "English-to-Spanish translation", with one table for everything."""
    source, written = keras.Input((SOURCE,), dtype="int32"), keras.Input((WRITTEN,), dtype="int32")
    table = PositionalEmbedding(length=SOURCE, tokens=TOKENS, width=WIDTH)
    memory = Encoder(width=WIDTH, inner=64, heads=4)(table(source))
    y = Decoder(width=WIDTH, inner=64, heads=4)(table(written), memory)
    return keras.Model([source, written], layers.Softmax()(table(y, reverse=True)))


def keras_hub_layers():
    """Of KerasHub's layers, which mask by themselves."""
    hub = importlib.import_module("keras_hub").layers
    source, written = keras.Input((SOURCE,), dtype="int32"), keras.Input((WRITTEN,), dtype="int32")
    first = hub.TokenAndPositionEmbedding(TOKENS, SOURCE, WIDTH, mask_zero=True)
    second = hub.TokenAndPositionEmbedding(TOKENS, WRITTEN, WIDTH, mask_zero=True)
    memory = hub.TransformerEncoder(64, 4, normalize_first=True)(first(source))
    y = hub.TransformerDecoder(64, 4, normalize_first=True)(second(written), memory)
    return keras.Model([source, written], layers.Softmax()(second.token_embedding(y, reverse=True)))
