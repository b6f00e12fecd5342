"""Small models in the style of keras.io's examples: blocks of one's own, of Keras 3's operations."""

import importlib

keras = importlib.import_module("keras")
layers, ops = keras.layers, keras.ops


class Block(layers.Layer):
    """A layer of one's own, whose options are its configuration."""

    def __init__(self, name=None, **options):
        super().__init__(name=name)
        self.options = options
        self.make(**options)

    def get_config(self):
        return {**super().get_config(), **self.options}


class Patches(Block):
    def make(self, size):
        self.size = size

    def call(self, images):
        patches = ops.image.extract_patches(images, size=self.size)
        count = patches.shape[1] * patches.shape[2]
        return ops.reshape(patches, (-1, count, patches.shape[-1]))


class PatchEncoder(Block):
    def make(self, patches, width):
        self.patches = patches
        self.projection, self.position = layers.Dense(width), layers.Embedding(patches, width)

    def call(self, patch):
        positions = ops.expand_dims(ops.arange(start=0, stop=self.patches, step=1), axis=0)
        return self.projection(patch) + self.position(positions)


class ClassToken(Block):
    def make(self, width):
        self.width = width

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, self.width), name="token", initializer="random_normal")
        places = (1, shape[1] + 1, self.width)
        self.positions = self.add_weight(shape=places, name="positions", initializer="random_normal")

    def call(self, x):
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, self.width))
        return ops.concatenate([token, x], axis=1) + self.positions


def mlp(x, widths):
    for width in widths:
        x = layers.Dense(width, activation="gelu")(x)
    return x


def encoder(x, width, heads=2):
    normal = layers.LayerNormalization(epsilon=1e-6)(x)
    attended = layers.MultiHeadAttention(heads, width // heads, dropout=0.1)(normal, normal)
    x = layers.Add()([attended, x])
    return layers.Add()([mlp(layers.LayerNormalization(epsilon=1e-6)(x), [2 * width, width]), x])


def vit():
    inputs = keras.Input((16, 16, 3))
    x = PatchEncoder(patches=16, width=16)(Patches(size=4)(inputs))
    x = layers.LayerNormalization()(encoder(encoder(x, 16), 16))
    x = mlp(layers.Dropout(0.5)(layers.Flatten()(x)), [32, 16])
    return keras.Model(inputs, layers.Dense(5)(x))


def vit_with_class_token():
    inputs = keras.Input((16, 16, 3))
    x = layers.Reshape((16, 16))(layers.Conv2D(16, 4, strides=4)(inputs))
    x = encoder(encoder(ClassToken(width=16)(x), 16), 16)
    x = layers.Lambda(lambda y: y[:, 0], output_shape=(16,))(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def windows(x, size):
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height // size, size, width // size, size, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, size * size, channels))


def whole(x, size, height, width, channels):
    x = ops.reshape(x, (-1, height // size, width // size, size, size, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height, width, channels))


class WindowAttention(Block):
    def make(self, width, window, heads):
        self.width, self.heads, self.window = width, heads, window
        self.qkv, self.projection = layers.Dense(3 * width), layers.Dense(width)

    def build(self, shape):
        count = (2 * self.window - 1) ** 2
        self.table = self.add_weight(
            shape=(count, self.heads), name="bias_table", initializer="random_normal"
        )
        places = [(y, x) for y in range(self.window) for x in range(self.window)]
        self.index = [
            (a[0] - b[0] + self.window - 1) * (2 * self.window - 1) + a[1] - b[1] + self.window - 1
            for a in places for b in places
        ]
        self.qkv.build(shape)
        self.projection.build(shape)

    def call(self, x):
        size, deep = x.shape[1], self.width // self.heads
        qkv = ops.reshape(self.qkv(x), (-1, size, 3, self.heads, deep))
        qkv = ops.transpose(qkv, (2, 0, 3, 1, 4))
        query, key, value = qkv[0] * deep**-0.5, qkv[1], qkv[2]
        scores = query @ ops.transpose(key, (0, 1, 3, 2))
        bias = ops.reshape(ops.take(self.table, self.index, axis=0), (size, size, -1))
        scores = ops.softmax(scores + ops.expand_dims(ops.transpose(bias, (2, 0, 1)), 0), axis=-1)
        mixed = ops.reshape(ops.transpose(scores @ value, (0, 2, 1, 3)), (-1, size, self.width))
        return self.projection(mixed)


class SwinBlock(Block):
    def make(self, width, window, shift):
        self.width, self.window, self.shift = width, window, shift
        self.norm1, self.norm2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.attention = WindowAttention(width=width, window=window, heads=2)
        self.mlp = keras.Sequential([layers.Dense(2 * width, activation="gelu"), layers.Dense(width)])

    def call(self, x):
        _, height, width, channels = x.shape
        y = self.norm1(x)
        y = ops.roll(y, (-self.shift, -self.shift), axis=(1, 2)) if self.shift else y
        y = whole(self.attention(windows(y, self.window)), self.window, height, width, channels)
        y = ops.roll(y, (self.shift, self.shift), axis=(1, 2)) if self.shift else y
        x = x + y
        return x + self.mlp(self.norm2(x))


class PatchMerging(Block):
    def make(self, width):
        self.reduce = layers.Dense(2 * width, use_bias=False)

    def call(self, x):
        parts = [x[:, a::2, b::2, :] for b in (0, 1) for a in (0, 1)]
        return self.reduce(ops.concatenate(parts, axis=-1))


def swin():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 2, strides=2)(inputs)
    x = SwinBlock(width=8, window=4, shift=2)(SwinBlock(width=8, window=4, shift=0)(x))
    x = PatchMerging(width=8)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


class MixerBlock(Block):
    def make(self, patches, width):
        self.tokens = keras.Sequential([layers.Dense(24, activation="gelu"), layers.Dense(patches)])
        self.channels = keras.Sequential([layers.Dense(24, activation="gelu"), layers.Dense(width)])
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def call(self, inputs):
        x = self.tokens(ops.transpose(self.normalize(inputs), axes=(0, 2, 1)))
        x = ops.transpose(x, axes=(0, 2, 1)) + inputs
        return x + self.channels(self.normalize(x))


def mlp_mixer():
    inputs = keras.Input((16, 16, 3))
    x = layers.Dense(16)(Patches(size=4)(inputs))
    x = MixerBlock(patches=16, width=16)(MixerBlock(patches=16, width=16)(x))
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))


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


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(shape=ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


def vae_encoder():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(inputs)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(x)))
    mean, log_variance = layers.Dense(2, name="mean")(x), layers.Dense(2, name="log_variance")(x)
    return keras.Model(inputs, [mean, log_variance, Sampling()([mean, log_variance])])


def vae_decoder():
    inputs = keras.Input((2,))
    x = layers.Reshape((4, 4, 8))(layers.Dense(4 * 4 * 8, activation="relu")(inputs))
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    return keras.Model(inputs, layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x))


class Distance(layers.Layer):
    def call(self, anchor, positive, negative):
        near = ops.sum(ops.square(anchor - positive), -1, keepdims=True)
        far = ops.sum(ops.square(anchor - negative), -1, keepdims=True)
        return ops.concatenate([near, far], axis=-1)


def siamese():
    shape = (12, 12, 3)
    base = keras.Sequential([
        keras.Input(shape), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(16, activation="relu"), layers.BatchNormalization(), layers.Dense(6),
    ], name="embedding")
    inputs = [keras.Input(shape, name=name) for name in ("anchor", "positive", "negative")]
    return keras.Model(inputs, Distance()(*map(base, inputs)))


def ocr():
    inputs = keras.Input((24, 8, 1))
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(inputs)
    x = layers.Conv2D(12, 3, activation="relu", padding="same")(layers.MaxPooling2D(2)(x))
    x = layers.Reshape((12, 4 * 12))(x)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, dropout=0.2))(x)
    return keras.Model(inputs, layers.Dense(11, activation="softmax")(x))


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


class ResidualUnit(Block):
    def make(self, filters, strides):
        self.main = [
            layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False),
            layers.BatchNormalization(), layers.ReLU(),
            layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization(),
        ]
        shortcut = [layers.Conv2D(filters, 1, strides=strides), layers.BatchNormalization()]
        self.skip = shortcut if strides > 1 else []

    def call(self, inputs):
        x = y = inputs
        for layer in self.main:
            x = layer(x)
        for layer in self.skip:
            y = layer(y)
        return ops.relu(x + y)


class SubclassedResNet(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.stem = layers.Conv2D(8, 3, padding="same")
        self.units = [ResidualUnit(filters=8, strides=1), ResidualUnit(filters=12, strides=2)]
        self.pool, self.answer = layers.GlobalAveragePooling2D(), layers.Dense(4)

    def call(self, x):
        x = self.stem(x)
        for unit in self.units:
            x = unit(x)
        return self.answer(self.pool(x))


def subclassed_resnet():
    model = SubclassedResNet()
    model(ops.zeros((1, 8, 8, 3)))
    return model


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


def conv_mixer():
    inputs = keras.Input((16, 16, 3))
    x = layers.BatchNormalization()(layers.Activation("gelu")(layers.Conv2D(16, 2, strides=2)(inputs)))
    for _ in range(2):
        y = layers.Activation("gelu")(layers.DepthwiseConv2D(5, padding="same")(x))
        y = layers.BatchNormalization()(y)
        x = layers.Conv2D(16, 1)(layers.Add()([y, x]))
        x = layers.BatchNormalization()(layers.Activation("gelu")(x))
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


class DoubleConv(Block):
    def make(self, filters):
        self.conv1, self.conv2 = (layers.Conv2D(filters, 3, padding="same", use_bias=False) for _ in range(2))
        self.norm1, self.norm2 = layers.BatchNormalization(), layers.BatchNormalization()

    def call(self, x):
        return ops.relu(self.norm2(self.conv2(ops.relu(self.norm1(self.conv1(x))))))


class AttentionGate(Block):
    def make(self, filters):
        self.theta, self.phi = layers.Conv2D(filters, 1), layers.Conv2D(filters, 1)
        self.psi = layers.Conv2D(1, 1, activation="sigmoid")

    def call(self, skip, gate):
        return skip * self.psi(ops.relu(self.theta(skip) + self.phi(gate)))


def attention_unet():
    inputs = keras.Input((16, 16, 1))
    first = DoubleConv(filters=8)(inputs)
    middle = DoubleConv(filters=12)(layers.MaxPooling2D()(first))
    up = layers.Conv2DTranspose(8, 2, strides=2)(middle)
    x = DoubleConv(filters=8)(layers.Concatenate()([AttentionGate(filters=6)(first, up), up]))
    return keras.Model(inputs, layers.Conv2D(2, 1, activation="softmax")(x))


class ChannelAttention(Block):
    def make(self, filters):
        self.shared = keras.Sequential([layers.Dense(filters // 2, activation="relu"), layers.Dense(filters)])

    def call(self, x):
        mean, peak = ops.mean(x, axis=(1, 2), keepdims=True), ops.max(x, axis=(1, 2), keepdims=True)
        return x * ops.sigmoid(self.shared(mean) + self.shared(peak))


class SpatialAttention(Block):
    def make(self, size):
        self.conv = layers.Conv2D(1, size, padding="same", activation="sigmoid")

    def call(self, x):
        found = [ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)]
        return x * self.conv(ops.concatenate(found, axis=-1))


def cbam():
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(16, 3, activation="relu")(inputs)
    x = ChannelAttention(filters=16)(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    x = layers.Conv2D(12, 3, activation="relu")(SpatialAttention(size=3)(x))
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


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
        vit, vit_with_class_token, swin, mlp_mixer, gmlp, conformer, vae_encoder, vae_decoder, siamese, ocr,
        time_series, subclassed_resnet, text_classifier, einsum_attention, dot_product_attention, llama_block,
        conv_mixer, attention_unet, cbam, gated_residual_network, wavenet, fnet,
    )
}
