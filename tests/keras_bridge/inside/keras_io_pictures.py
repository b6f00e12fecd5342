"""Small models of pictures in the style of keras.io's examples, of Keras 3's operations."""

from tests.keras_bridge.inside.keras_io_blocks import Block, MixerBlock, Patches, keras, layers, ops


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


def mlp_mixer():
    inputs = keras.Input((16, 16, 3))
    x = layers.Dense(16)(Patches(size=4)(inputs))
    x = MixerBlock(patches=16, width=16)(MixerBlock(patches=16, width=16)(x))
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))


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


MODELS = {
    model.__name__: model for model in (
        vit, vit_with_class_token, swin, mlp_mixer, vae_encoder, vae_decoder, siamese, ocr,
        subclassed_resnet, conv_mixer, attention_unet, cbam,
    )
}
