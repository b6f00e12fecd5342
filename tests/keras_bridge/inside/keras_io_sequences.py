"""Small models of sequences, texts and rows in the style of keras.io's examples, of Keras 3's operations."""

from tests.keras_bridge.inside.keras_io_blocks import Block, Patches, keras, layers, ops


class GatedBlock(Block):
    def make(self, patches, width):
        self.first, self.second = layers.Dense(2 * width, activation="gelu"), layers.Dense(width)
        self.spatial = layers.Dense(patches, bias_initializer="ones")
        self.normalize1, self.normalize2 = layers.LayerNormalization(), layers.LayerNormalization()

    def call(self, inputs):
        u, v = ops.split(self.first(self.normalize1(inputs)), 2, axis=-1)
        v = self.spatial(ops.transpose(self.normalize2(v), axes=(0, 2, 1)))
        return inputs + self.second(u * ops.transpose(v, axes=(0, 2, 1)))


def gmlp():
    inputs = keras.Input((16, 16, 3))
    x = layers.Dense(16)(Patches(size=4)(inputs))
    x = GatedBlock(patches=16, width=16)(GatedBlock(patches=16, width=16)(x))
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))


class ConformerBlock(Block):
    def make(self, width):
        half = {"activation": "swish"}
        self.feed1 = keras.Sequential([layers.Dense(2 * width, **half), layers.Dense(width)])
        self.feed2 = keras.Sequential([layers.Dense(2 * width, **half), layers.Dense(width)])
        self.attention = layers.MultiHeadAttention(2, width // 2)
        self.widen, self.narrow = layers.Conv1D(2 * width, 1), layers.Conv1D(width, 1)
        self.depthwise, self.batch = layers.DepthwiseConv1D(5, padding="same"), layers.BatchNormalization()
        self.norms = [layers.LayerNormalization() for _ in range(5)]

    def call(self, x, training=None):
        x = x + 0.5 * self.feed1(self.norms[0](x))
        y = self.norms[1](x)
        x = x + self.attention(y, y)
        a, gate = ops.split(self.widen(self.norms[2](x)), 2, axis=-1)
        y = self.batch(self.depthwise(a * ops.sigmoid(gate)), training=training)
        x = x + self.narrow(ops.silu(y))
        return self.norms[4](x + 0.5 * self.feed2(self.norms[3](x)))


def conformer():
    inputs = keras.Input((12, 10))
    x = layers.Dense(16)(inputs)
    x = ConformerBlock(width=16)(ConformerBlock(width=16)(x))
    return keras.Model(inputs, layers.Dense(7, activation="softmax")(x))


def time_series():
    inputs = x = keras.Input((20, 3))
    x = layers.Conv1D(8, 3, padding="same")(x)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(layers.MultiHeadAttention(2, 8, dropout=0.2)(x, x))
        x = y + x
        y = layers.Conv1D(12, 1, activation="relu")(x)
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv1D(8, 1)(y)) + x
    x = layers.GlobalAveragePooling1D(data_format="channels_last")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Dense(16, activation="relu")(x)))


class TokenAndPositionEmbedding(Block):
    def make(self, length, vocabulary, width):
        self.tokens, self.positions = layers.Embedding(vocabulary, width), layers.Embedding(length, width)

    def call(self, x):
        return self.tokens(x) + self.positions(ops.arange(start=0, stop=ops.shape(x)[-1], step=1))


class TransformerBlock(Block):
    def make(self, width, heads, inner):
        self.attention = layers.MultiHeadAttention(heads, width)
        self.feed = keras.Sequential([layers.Dense(inner, activation="relu"), layers.Dense(width)])
        self.norm1, self.norm2 = (layers.LayerNormalization(epsilon=1e-6) for _ in range(2))
        self.drop1, self.drop2 = layers.Dropout(0.1), layers.Dropout(0.1)

    def call(self, inputs):
        x = self.norm1(inputs + self.drop1(self.attention(inputs, inputs)))
        return self.norm2(x + self.drop2(self.feed(x)))


def text_classifier():
    inputs = keras.Input((10,), dtype="int32")
    x = TokenAndPositionEmbedding(length=10, vocabulary=30, width=16)(inputs)
    x = layers.GlobalAveragePooling1D()(TransformerBlock(width=16, heads=2, inner=24)(x))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Dense(12, activation="relu")(x)))


class EinsumAttention(Block):
    """Projections by EinsumDense, products by `ops.einsum`: how KerasHub's own attention is written."""

    def make(self, heads, deep, width):
        self.deep = deep
        self.query, self.key, self.value = (
            layers.EinsumDense("btd,dnh->btnh", (None, heads, deep), bias_axes="nh") for _ in range(3)
        )
        self.output_dense = layers.EinsumDense("btnh,nhd->btd", (None, width), bias_axes="d")

    def call(self, x):
        scores = ops.einsum("btnh,bsnh->bnts", self.query(x) / self.deep**0.5, self.key(x))
        mixed = ops.einsum("bnts,bsnh->btnh", ops.softmax(scores, axis=-1), self.value(x))
        return self.output_dense(mixed)


def einsum_attention():
    inputs = keras.Input((10, 6))
    x = layers.Dense(16)(inputs)
    x = x + EinsumAttention(heads=2, deep=8, width=16)(x)
    x = layers.Dense(16, activation="relu")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(3)(x))


class DotProductAttention(Block):
    """Heads split by reshape and transpose, products by matmul, with a causal mask."""

    def make(self, heads, width):
        self.heads, self.width = heads, width
        self.query, self.key, self.value, self.joined = (layers.Dense(width) for _ in range(4))

    def split(self, x):
        x = ops.reshape(x, (-1, x.shape[1], self.heads, self.width // self.heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def call(self, x):
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        scores = scores / ops.sqrt(ops.cast(self.width // self.heads, "float32"))
        size = x.shape[1]
        scores = scores + (1.0 - ops.tril(ops.ones((size, size)))) * -1e9
        mixed = ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3))
        return self.joined(ops.reshape(mixed, (-1, size, self.width)))


def dot_product_attention():
    inputs = keras.Input((10,), dtype="int32")
    x = layers.Embedding(30, 16)(inputs)
    x = layers.LayerNormalization()(x + DotProductAttention(heads=2, width=16)(x))
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(24, activation="relu")(x)))
    return keras.Model(inputs, layers.Dense(30)(x))


class OwnRMSNorm(Block):
    def make(self, epsilon):
        self.epsilon = epsilon

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon) * self.scale


class GatedFeedForward(Block):
    def make(self, inner, width):
        self.gate, self.up = layers.Dense(inner, use_bias=False), layers.Dense(inner, use_bias=False)
        self.down = layers.Dense(width, use_bias=False)

    def call(self, x):
        return self.down(ops.silu(self.gate(x)) * self.up(x))


def llama_block():
    inputs = keras.Input((10,), dtype="int32")
    x = layers.Embedding(30, 16)(inputs)
    for _ in range(2):
        y = OwnRMSNorm(epsilon=1e-6)(x)
        x = x + layers.MultiHeadAttention(2, 8, use_bias=False)(y, y, use_causal_mask=True)
        x = x + GatedFeedForward(inner=24, width=16)(OwnRMSNorm(epsilon=1e-6)(x))
    return keras.Model(inputs, layers.Dense(30)(OwnRMSNorm(epsilon=1e-6)(x)))


class GatedResidual(Block):
    def make(self, width):
        self.elu, self.linear = layers.Dense(width, activation="elu"), layers.Dense(width)
        self.gate, self.value = layers.Dense(width, activation="sigmoid"), layers.Dense(width)
        self.norm, self.project = layers.LayerNormalization(), layers.Dense(width)

    def call(self, inputs):
        x = self.linear(self.elu(inputs))
        return self.norm(self.project(inputs) + self.gate(x) * self.value(x))


class VariableSelection(Block):
    def make(self, features, width):
        self.grns = [GatedResidual(width=width) for _ in range(features)]
        self.joined, self.softmax = GatedResidual(width=width), layers.Dense(features, activation="softmax")

    def call(self, inputs):
        weights = ops.expand_dims(self.softmax(self.joined(ops.concatenate(inputs, axis=-1))), axis=-1)
        x = ops.stack([grn(one) for grn, one in zip(self.grns, inputs, strict=True)], axis=1)
        return ops.squeeze(ops.matmul(ops.transpose(weights, axes=[0, 2, 1]), x), axis=1)


def gated_residual_network():
    inputs = [keras.Input((1,), name=name) for name in ("age", "income", "hours")]
    x = VariableSelection(features=3, width=12)([layers.Dense(12)(one) for one in inputs])
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(GatedResidual(width=12)(x)))


class WaveNetLayer(Block):
    def make(self, filters, rate):
        self.filter, self.gate = (
            layers.Conv1D(filters, 2, dilation_rate=rate, padding="causal") for _ in range(2)
        )
        self.skip, self.rest = layers.Conv1D(filters, 1), layers.Conv1D(filters, 1)

    def call(self, x):
        y = ops.tanh(self.filter(x)) * ops.sigmoid(self.gate(x))
        return x + self.rest(y), self.skip(y)


def wavenet():
    inputs = keras.Input((24, 1))
    x, skips = layers.Conv1D(12, 1)(inputs), []
    for rate in (1, 2, 4):
        x, skip = WaveNetLayer(filters=12, rate=rate)(x)
        skips.append(skip)
    x = layers.ReLU()(layers.Add()(skips))
    return keras.Model(inputs, layers.Dense(8)(layers.Conv1D(16, 1, activation="relu")(x)))


class FourierMix(layers.Layer):
    def call(self, x):
        return ops.fft2((x, ops.zeros_like(x)))[0]


def fnet():
    inputs = keras.Input((8,), dtype="int32")
    x = layers.Embedding(30, 16)(inputs)
    x = layers.LayerNormalization()(x + FourierMix()(x))
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="gelu")(x)))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


MODELS = {
    model.__name__: model for model in (
        gmlp, conformer, time_series, text_classifier, einsum_attention, dot_product_attention,
        llama_block, gated_residual_network, wavenet, fnet,
    )
}
