# ruff: noqa: ARG005, PLW0108 - each call gets both tensors, and the dispatcher sees the function it names
"""Each function of TensorFlow that is followed gives what TensorFlow gives, however it is called."""

import importlib

import numpy as np
import pytest

from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.opened import CLOSED

tf = pytest.importorskip("tensorflow")
keras = importlib.import_module("keras")

# Of x (N, 4, 6), from -2 to 2, and its positive twin p.
CALLS = {
    name: (lambda x, p, name=name: _found(name)(x)) for name in (
        "abs", "negative", "square", "exp", "math.expm1", "sin", "cos", "math.erf", "floor", "round", "sign",
        "sigmoid", "tanh", "math.softplus", "nn.relu", "nn.relu6", "nn.elu", "nn.selu", "nn.softsign",
        "nn.softmax", "nn.log_softmax", "nn.gelu", "nn.silu", "nn.leaky_relu", "identity", "zeros_like",
        "ones_like", "stop_gradient",
    )
} | {name: (lambda x, p, name=name: _found(name)(p)) for name in (
    "sqrt", "math.rsqrt", "math.log", "math.log1p", "math.reciprocal",
)} | {
    "add": lambda x, p: tf.add(x, y=p), "subtract": lambda x, p: tf.subtract(x, p),
    "subtract by name": lambda x, p: tf.subtract(y=x, x=p),
    "divide by name": lambda x, p: tf.divide(y=p, x=x),
    "multiply": lambda x, p: tf.multiply(x, p), "truediv": lambda x, p: tf.truediv(x, p),
    "maximum": lambda x, p: tf.maximum(x, 0.3), "minimum": lambda x, p: tf.minimum(y=0.3, x=x),
    "pow": lambda x, p: tf.pow(p, 1.5), "pow by name": lambda x, p: tf.pow(y=x, x=p),
    "floormod": lambda x, p: tf.math.floormod(x, 0.7),
    "where": lambda x, p: tf.where(tf.greater(y=x, x=0.5), x, p),
    "less": lambda x, p: tf.cast(tf.less(x, p - 1), tf.float32),
    "greater_equal": lambda x, p: tf.cast(tf.math.greater_equal(x, p - 1), tf.float32),
    "less_equal": lambda x, p: tf.cast(tf.less_equal(x, p - 1), tf.float32),
    "equal": lambda x, p: tf.cast(tf.equal(tf.sign(x), 1.0), tf.float32),
    "logical": lambda x, p: tf.cast(tf.logical_and(x > 0, tf.logical_not(p > 1)) | (x < -1), tf.float32),
    "reduce": lambda x, p: tf.reduce_sum(x, [1, 2]),
    "mean": lambda x, p: tf.reduce_mean(x, axis=-1, keepdims=True),
    "max": lambda x, p: tf.reduce_max(x, 1), "min": lambda x, p: tf.reduce_min(x, -1),
    "prod": lambda x, p: tf.reduce_prod(p, 1), "std": lambda x, p: tf.math.reduce_std(x, 1),
    "variance": lambda x, p: tf.math.reduce_variance(x, axis=[-1]),
    "logsumexp": lambda x, p: tf.reduce_logsumexp(x, axis=1),
    "any": lambda x, p: tf.cast(tf.reduce_any(x > 1.5, axis=1), tf.float32),
    "all": lambda x, p: tf.cast(tf.reduce_all(x > -1.5, axis=1), tf.float32),
    "matmul": lambda x, p: tf.matmul(x, p, transpose_b=True),
    "matmul by name": lambda x, p: tf.matmul(b=p, a=x, transpose_a=True),
    "einsum": lambda x, p: tf.einsum("nij,nkj->nik", x, p),
    "tensordot": lambda x, p: tf.tensordot(x, tf.ones((6, 2)), axes=1),
    "transpose": lambda x, p: tf.transpose(x, perm=[0, 2, 1]),
    "reshape by name": lambda x, p: tf.reshape(shape=[-1, 24], tensor=x),
    "reshape by size": lambda x, p: tf.reshape(x, [tf.shape(x)[0], 2, -1]),
    "expand": lambda x, p: tf.squeeze(tf.expand_dims(x, 1), axis=[1]) + tf.expand_dims(x[:, 0], axis=1),
    "concat": lambda x, p: tf.concat([x, p], axis=-1), "stack": lambda x, p: tf.stack([x, p], axis=1),
    "unstack": lambda x, p: tf.add_n(tf.unstack(x, axis=1)),
    "split": lambda x, p: tf.split(x, [1, -1], axis=1)[1],
    "split evenly": lambda x, p: tf.split(x, 3, -1)[2], "tile": lambda x, p: tf.tile(x, [1, 2, 1]),
    "repeat": lambda x, p: tf.repeat(x, 2, axis=1), "pad": lambda x, p: tf.pad(x, [[0, 0], [1, 0], [0, 2]]),
    "reflect": lambda x, p: tf.pad(x, [[0, 0], [1, 1], [0, 0]], mode="REFLECT"),
    "gather": lambda x, p: tf.gather(x, [2, 0], axis=1),
    "slice": lambda x, p: tf.slice(x, [0, 1, 0], [-1, 2, 3]),
    "reverse": lambda x, p: tf.reverse(x, axis=[1]), "roll": lambda x, p: tf.roll(x, shift=1, axis=1),
    "broadcast": lambda x, p: x + tf.broadcast_to(p[:, :1], tf.shape(x)),
    "moments": lambda x, p: tf.nn.moments(x, axes=[-1])[1], "cumsum": lambda x, p: tf.cumsum(x, axis=1),
    "normalize": lambda x, p: tf.math.l2_normalize(x, axis=-1),
    "clip": lambda x, p: tf.clip_by_value(x, -0.5, 1.0),
    "squared_difference": lambda x, p: tf.math.squared_difference(x, p),
    "bias_add": lambda x, p: tf.nn.bias_add(x, tf.constant([1.0, 2, 3, 4, 5, 6])),
    "batch_normalization": lambda x, p: tf.nn.batch_normalization(x, 0.1, 0.7, None, 2.0, 1e-3),
    "resize": lambda x, p: tf.image.resize(x[..., None], [8, 3]),
    "one_hot": lambda x, p: tf.one_hot(tf.cast(p, tf.int32), 4),
    "extreme log_softmax": lambda x, p: tf.nn.log_softmax(100 * x),
}


def _found(name):
    found = tf
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.heavy
def test_each_function_gives_what_tensorflow_gives():
    class Own(keras.layers.Layer):
        def __init__(self, call, **options):
            super().__init__(**options)
            self.own = call

        def call(self, x):
            return self.own(x, tf.math.abs(x) + 0.1)

    wrong = {}
    x = np.random.default_rng(2).uniform(-2, 2, (5, 4, 6)).astype(np.float32)
    for name, call in CALLS.items():
        inputs = keras.Input((4, 6))
        model = keras.Model(inputs, Own(call, name="own")(inputs))
        plain = open_model(model)
        closed = [CLOSED[one] for one in (plain, *plain.layers) if one in CLOSED]
        expected = np.asarray(call(tf.constant(x), tf.math.abs(x) + 0.1))
        difference = np.abs(np.asarray(plain(x)) - expected).max() / max(1.0, np.abs(expected).max())
        if closed or not difference <= 1e-5:
            wrong[name] = closed or float(difference)
    assert wrong == {}
