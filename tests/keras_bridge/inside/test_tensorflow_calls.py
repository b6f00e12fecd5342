"""Layers of Keras 3 that call TensorFlow's functions: opened, pruned, equal to the masked original."""

import importlib

import numpy as np
import pytest

from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.opened import CLOSED
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs
from tests.layers.pruned import prune

tf = pytest.importorskip("tensorflow")
keras = importlib.import_module("keras")
layers = keras.layers


class Heads(layers.Layer):
    """Attention as TensorFlow's tutorial on transformers writes it."""

    def __init__(self, width, heads, **options):
        super().__init__(**options)
        self.width, self.heads = width, heads
        self.query, self.key, self.value, self.end = [layers.Dense(width) for _ in range(4)]

    def split(self, x, samples):
        x = tf.reshape(x, (samples, -1, self.heads, self.width // self.heads))
        return tf.transpose(x, perm=[0, 2, 1, 3])

    def call(self, x):
        samples = tf.shape(x)[0]
        q, k, v = [self.split(one(x), samples) for one in (self.query, self.key, self.value)]
        scores = tf.matmul(q, k, transpose_b=True) / tf.math.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores, axis=-1), v), perm=[0, 2, 1, 3])
        return self.end(tf.reshape(mixed, (samples, -1, self.width)))


class Positions(layers.Layer):
    def __init__(self, length, **options):
        super().__init__(**options)
        self.tokens, self.places = layers.Embedding(30, 16), layers.Embedding(length, 16)

    def call(self, x):
        return self.tokens(x) + self.places(tf.range(start=0, limit=tf.shape(x)[-1], delta=1))


class Weights(layers.Layer):
    def __init__(self, width, **options):
        super().__init__(**options)
        self.width = width

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.width))
        self.bias, self.scale = [self.add_weight(shape=(self.width,)) for _ in range(2)]

    def call(self, x):
        y = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, self.kernel), self.bias))
        mean, variance = tf.nn.moments(y, axes=[-1], keepdims=True)
        return tf.concat([self.scale * (y - mean) * tf.math.rsqrt(variance + 1e-3), tf.square(y)], axis=-1)


class Gate(layers.Layer):
    def __init__(self, channels, **options):
        super().__init__(**options)
        self.squeeze = layers.Dense(channels // 2, activation=tf.nn.relu)
        self.excite = layers.Dense(channels, activation="sigmoid")

    def call(self, x):
        y = self.excite(self.squeeze(tf.reduce_mean(x, axis=[1, 2])))
        return x * tf.reshape(y, [-1, 1, 1, y.shape[-1]])


class Token(layers.Layer):
    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]))

    def call(self, x):
        return tf.concat([tf.tile(self.token, [tf.shape(x)[0], 1, 1]), x], 1)


class Halves(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(24)

    def call(self, x):
        one, other = tf.split(self.dense(x), 2, axis=-1)
        return tf.multiply(one, tf.nn.sigmoid(other))


class Patches(layers.Layer):
    def call(self, x):
        sizes = {"sizes": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "rates": [1, 1, 1, 1]}
        patches = tf.image.extract_patches(images=x, padding="VALID", **sizes)
        return tf.reshape(patches, [tf.shape(x)[0], -1, patches.shape[-1]])


def _mean(axes):
    return layers.Lambda(lambda x: tf.reduce_mean(x, axes))


MODELS = {
    "attention": ((10, 16), lambda: [layers.Dense(16), Heads(16, 4), _mean(1)], 0.6),
    "attention_open": ((None, 16), lambda: [layers.Dense(16), Heads(16, 4), _mean(1)], 0.6),
    "positions": ((12,), lambda: [Positions(20), layers.Dense(8, activation="relu"), _mean(1)], 0.45),
    "positions_open": ((None,), lambda: [Positions(20), layers.Dense(8, activation="relu"), _mean(1)], 0.45),
    "weights": ((6,), lambda: [Weights(8)], 0.45),
    "gate": ((8, 8, 3), lambda: [layers.Conv2D(8, 3), Gate(8), _mean([1, 2])], 0.45),
    "token": ((5, 6), lambda: [layers.Dense(8), Token(), layers.Dense(8, activation="gelu"), _mean(1)], 0.5),
    "halves": ((6,), lambda: [Halves()], 0.4),
    "patches": ((8, 8, 3), lambda: [Patches(), layers.Dense(8), Heads(8, 2), _mean(1)], 0.5),
}


def _model(name):
    shape, make, _ = MODELS[name]
    h = inputs = keras.Input(shape, dtype="int32" if name.startswith("positions") else "float32")
    for layer in make():
        h = layer(h)
    model = keras.Model(inputs, layers.Dense(3)(h))
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return model


@pytest.mark.heavy
@pytest.mark.parametrize("name", MODELS)
def test_half_of_the_neurons_go(name):
    model = _model(name)
    plain = open_model(model)
    assert not [layer.name for layer in plain._flatten_layers() if layer in CLOSED]
    samples = synthetic_inputs(read(plain), 4, seed=0)
    one, other = (np.asarray(which(samples[0])) for which in (model, plain))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    pruned = prune(plain, samples)
    pruned.check()
    whole, left = cost(pruned.dependencies), cost(pruned.dependencies, pruned.keep)
    assert 1 - left.params / whole.params >= MODELS[name][2]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: tf.linalg.normalize(x, axis=-1)[0], "this function of TensorFlow cannot be followed"),
        (lambda x: x + tf.random.normal(tf.shape(x)), "it draws random numbers"),
        (lambda x: tf.cumsum(x, axis=1, exclusive=True), "with these options"),
    ],
)
def test_what_cannot_be_followed_is_a_barrier_with_its_line(function, why):
    class Own(layers.Layer):
        def call(self, x):
            return function(x)

    inputs = keras.Input((6, 6))
    model = keras.Model(inputs, layers.Dense(3)(Own(name="own")(layers.Dense(6)(inputs))))
    reason = CLOSED[open_model(model).get_layer("own")]
    assert why in reason
    assert "`return function(x)`" in reason or "lambda" in reason


def test_tensorflow_is_as_it_was_afterwards():
    before = tf.range, tf.random.normal
    open_model(_model("weights"))
    assert (tf.range, tf.random.normal) == before
    with pytest.raises(ValueError, match="KerasTensor cannot be used"):
        tf.square(keras.Input((3,)))
