"""Small models of Keras 3 that mix positions, MLP-Mixer's relatives, and gates over channels."""

from tests.keras_bridge.inside.keras_io_blocks import Block, MixerBlock, Patches, keras, layers, ops


def _stem(width=24):
    inputs = keras.Input((16, 16, 3))
    return inputs, layers.Reshape((16, width))(layers.Conv2D(width, 4, strides=4)(inputs))


def _end(inputs, x):
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(5)(x))


def _channels(x, width=24):
    y = layers.Dense(48, activation="gelu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dense(width)(layers.Dropout(0.1)(y))])


class MLPMixerLayer(MixerBlock):
    """As keras.io writes it: as many hidden neurons as patches, one normalization, dropout in both parts."""

    def make(self, patches, width):
        self.tokens = keras.Sequential([
            layers.Dense(patches, activation="gelu"), layers.Dense(patches), layers.Dropout(0.2)
        ])
        self.channels = keras.Sequential([
            layers.Dense(patches, activation="gelu"), layers.Dense(width), layers.Dropout(0.2)
        ])
        self.normalize = layers.LayerNormalization(epsilon=1e-6)


def mixer_of_keras_io():
    inputs = keras.Input((16, 16, 3))
    x = layers.Dense(24)(Patches(size=4)(inputs))
    x = keras.Sequential([MLPMixerLayer(patches=16, width=24) for _ in range(2)])(x)
    return _end(inputs, layers.Dropout(0.2)(x))


def mixer_with_permute():
    inputs, x = _stem()
    for _ in range(2):
        y = layers.Dense(32)(layers.Permute((2, 1))(layers.LayerNormalization()(x)))
        y = layers.Dense(16)(layers.Dropout(0.1)(layers.Activation("gelu")(y)))
        x = _channels(layers.Add()([x, layers.Permute((2, 1))(y)]))
    return _end(inputs, x)


def mixer_of_convolutions():
    inputs, x = _stem()
    for _ in range(2):
        y = layers.Conv1D(32, 1, activation="gelu")(layers.Permute((2, 1))(layers.LayerNormalization()(x)))
        x = _channels(layers.Add()([x, layers.Permute((2, 1))(layers.Conv1D(16, 1)(y))]))
    return _end(inputs, x)


def mixer_of_einsums():
    inputs, x = _stem()
    for _ in range(2):
        mix = layers.EinsumDense("bpc,ph->bhc", (32, 24), bias_axes="h", activation="gelu")
        y = layers.EinsumDense("bhc,hp->bpc", (16, 24), bias_axes="p")(mix(layers.LayerNormalization()(x)))
        x = _channels(layers.Add()([x, y]))
    return _end(inputs, x)


def permutator():
    """Vision Permutator: rows and columns are mixed apart."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(24, 4, strides=4)(inputs)
    for order in ((3, 2, 1), (1, 3, 2)):
        y = layers.Permute(order)(layers.LayerNormalization()(x))
        y = layers.Permute(order)(layers.Dense(4)(layers.Dense(12, activation="gelu")(y)))
        x = _channels(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5)(x))


class Affine(Block):
    def make(self, width, start):
        self.width, self.start = width, start

    def build(self, _):
        start = keras.initializers.Constant(self.start)
        self.alpha = self.add_weight(shape=(self.width,), initializer=start, name="alpha")
        self.beta = self.add_weight(shape=(self.width,), initializer="random_normal", name="beta")

    def call(self, x):
        return x * self.alpha + self.beta


class GatedMixing(Block):
    """Token mixing with a gate, as a layer of one's own with weights of its own writes it."""

    def make(self, hidden):
        self.hidden = hidden

    def build(self, shape):
        up, down = (shape[1], self.hidden), (self.hidden, shape[1])
        sizes = {"gate": up, "up": up, "down": down}
        self.kernels = {
            name: self.add_weight(shape=size, initializer="glorot_uniform", name=name)
            for name, size in sizes.items()
        }

    def call(self, x):
        turned = ops.transpose(x, (0, 2, 1))
        hidden = ops.silu(turned @ self.kernels["gate"]) * (turned @ self.kernels["up"])
        return x + ops.transpose(hidden @ self.kernels["down"], (0, 2, 1))


def gated_mixer():
    inputs, x = _stem()
    for _ in range(2):
        x = _channels(GatedMixing(hidden=32)(x))
    return _end(inputs, x)


class LetterAttention(Block):
    """Attention by ops.einsum on weights of its own."""

    def make(self, heads):
        self.heads = heads

    def build(self, shape):
        sizes = shape[-1], self.heads, shape[-1] // self.heads
        self.q, self.k, self.v = (
            self.add_weight(shape=sizes, initializer="glorot_uniform", name=name) for name in "qkv"
        )
        self.o = self.add_weight(shape=sizes[1:] + sizes[:1], initializer="glorot_uniform", name="o")

    def call(self, x):
        q, k, v = (ops.einsum("btd,dhk->bthk", x, kernel) for kernel in (self.q, self.k, self.v))
        scores = ops.softmax(ops.einsum("bthk,bshk->bhts", q, k) / self.q.shape[-1] ** 0.5)
        return x + ops.einsum("bthk,hkd->btd", ops.einsum("bhts,bshk->bthk", scores, v), self.o)


def attention_of_letters():
    inputs, x = _stem()
    for _ in range(2):
        x = _channels(LetterAttention(heads=4)(x))
    return _end(inputs, x)


def resmlp():
    inputs, x = _stem()
    for _ in range(2):
        y = ops.transpose(Affine(width=24, start=1.0)(x), (0, 2, 1))
        y = ops.transpose(layers.Dense(16)(y), (0, 2, 1))
        x = x + Affine(width=24, start=0.5)(y)
        y = layers.Dense(96, activation="gelu")(Affine(width=24, start=1.0)(x))
        x = x + Affine(width=24, start=0.5)(layers.Dense(24)(y))
    return _end(inputs, Affine(width=24, start=1.0)(x))


class GMLPLayer(Block):
    """As keras.io writes it, with its spatial gating unit."""

    def make(self, patches, width):
        self.first = keras.Sequential([layers.Dense(width * 2, activation="gelu"), layers.Dropout(0.2)])
        self.second = layers.Dense(width)
        self.spatial = layers.Dense(patches, bias_initializer="Ones")
        self.normalize1, self.normalize2 = (layers.LayerNormalization(epsilon=1e-6) for _ in range(2))

    def call(self, inputs):
        u, v = ops.split(self.first(self.normalize1(inputs)), indices_or_sections=2, axis=2)
        v = self.spatial(ops.transpose(self.normalize2(v), axes=(0, 2, 1)))
        return inputs + self.second(u * ops.transpose(v, axes=(0, 2, 1)))


def gmlp_of_keras_io():
    inputs = keras.Input((16, 16, 3))
    x = layers.Dense(32)(Patches(size=4)(inputs))
    return _end(inputs, keras.Sequential([GMLPLayer(patches=16, width=32) for _ in range(2)])(x))


def _pictures(gate):
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(24, 3, activation="relu")(gate(layers.Conv2D(16, 3, activation="relu")(inputs)))
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def efficient_channel_attention():
    """Its convolution runs over neighbouring channels: those stay, since their order means something."""
    def gate(x):
        y = layers.Reshape((16, 1))(layers.GlobalAveragePooling2D()(x))
        y = layers.Activation("sigmoid")(layers.Conv1D(1, 3, padding="same", use_bias=False)(y))
        return layers.Multiply()([x, layers.Reshape((1, 1, 16))(y)])

    return _pictures(gate)


def squeeze_and_excite_of_convolutions():
    def gate(x):
        y = layers.Reshape((1, 16))(layers.GlobalAveragePooling2D()(x))
        y = layers.Conv1D(16, 1, activation="sigmoid")(layers.Conv1D(8, 1, activation="relu")(y))
        return layers.Multiply()([x, layers.Reshape((1, 1, 16))(y)])

    return _pictures(gate)


def cbam_of_layers():
    def gate(x):
        first, second = layers.Dense(8, activation="relu"), layers.Dense(16)
        pooled = [layers.GlobalAveragePooling2D(keepdims=True), layers.GlobalMaxPooling2D(keepdims=True)]
        both = layers.Add()([second(first(pool(x))) for pool in pooled])
        x = layers.Multiply()([x, layers.Activation("sigmoid")(both)])
        mean = layers.Lambda(lambda y: ops.mean(y, axis=-1, keepdims=True))(x)
        peak = layers.Lambda(lambda y: ops.max(y, axis=-1, keepdims=True))(x)
        mask = layers.Conv2D(1, 7, padding="same", activation="sigmoid")(layers.Concatenate()([mean, peak]))
        return layers.Multiply()([x, mask])

    return _pictures(gate)


MODELS = {
    model.__name__: model for model in (
        mixer_of_keras_io, mixer_with_permute, mixer_of_convolutions, mixer_of_einsums, permutator, resmlp,
        gated_mixer, attention_of_letters,
        gmlp_of_keras_io, efficient_channel_attention, squeeze_and_excite_of_convolutions, cbam_of_layers,
    )
}
