"""Models that draw random numbers: outputs that differ from call to call are found, others judged as ever."""

import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.errors import InputError
from edgeprune.keras_bridge.network import network_of
from edgeprune.keras_bridge.run import predict

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")


def _sampling(keras, *, seeded):
    class Sampling(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            if seeded:
                self.seed_generator = keras.random.SeedGenerator()

        def call(self, inputs):
            import tensorflow as tf

            mean, log_variance = inputs
            if seeded:
                drawn = keras.random.normal(keras.ops.shape(mean), seed=self.seed_generator)
            else:
                drawn = tf.random.normal(tf.shape(mean))
            return mean + tf.exp(0.5 * log_variance) * drawn

    return Sampling(name="z")


def _encoder(keras, *, seeded=False):
    i = keras.Input((6,))
    h = keras.layers.Dense(16, activation="tanh", name="hidden")(i)
    mean, spread = keras.layers.Dense(4, name="mean")(h), keras.layers.Dense(4, name="spread")(h)
    return i, mean, spread, _sampling(keras, seeded=seeded)([mean, spread])


def _decoded(keras, z):
    return keras.layers.Dense(6, name="decoded")(keras.layers.Dense(16, activation="tanh", name="wide")(z))


def vae_encoder(keras):
    i, mean, spread, z = _encoder(keras)
    return keras.Model(i, [mean, spread, z])


def seeded_encoder(keras):
    i, mean, spread, z = _encoder(keras, seeded=True)
    return keras.Model(i, [z, mean, spread])


def whole_vae(keras):
    i, mean, spread, z = _encoder(keras)
    return keras.Model(i, [mean, spread, _decoded(keras, z)])


def augmented_branch(keras):
    class Noise(keras.layers.Layer):
        def call(self, x):
            import tensorflow as tf

            return x * tf.random.uniform(tf.shape(x)[:1], 0.5, 1.5)[:, None]

    i = keras.Input((6,))
    h = keras.layers.Dense(16, activation="relu", name="hidden")(i)
    seen = keras.layers.Dense(16, activation="relu", name="wide")(Noise(name="noise")(i))
    return keras.Model(i, [keras.layers.Dense(3, name="named")(h), keras.layers.Dense(4, name="other")(seen)])


def function_inside(keras):
    import tensorflow as tf

    class Traced(keras.layers.Layer):
        @tf.function
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

    i = keras.Input((6,))
    h = keras.layers.Dense(16, activation="relu", name="hidden")(i)
    return keras.Model(i, [keras.layers.Dense(3, name="named")(h), _decoded(keras, Traced()(h))])


def lambda_branch(keras):
    import tensorflow as tf

    i = keras.Input((6,))
    h = keras.layers.Dense(16, activation="relu", name="hidden")(i)
    noisy = keras.layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)), output_shape=(16,))(h)
    return keras.Model(i, [keras.layers.Dense(3, name="named")(h), _decoded(keras, noisy)])


def steady(keras):
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    i = keras.Input((6,))
    h = keras.layers.Dropout(0.5)(keras.layers.Dense(16, activation="relu")(Twice()(i)))
    return keras.Model(i, [keras.layers.Dense(3, name="named")(h), keras.layers.Dense(4, name="other")(h)])


def decoder_alone(keras):
    i, _, _, z = _encoder(keras)
    return keras.Model(i, _decoded(keras, z))


def dropout_left_on(keras):
    class Always(keras.layers.Dropout):
        def call(self, inputs, training=None):  # noqa: ARG002
            return super().call(inputs, training=True)

    i = keras.Input((6,))
    return keras.Model(i, keras.layers.Dense(3)(Always(0.5)(keras.layers.Dense(16)(i))))


KERASES = ["keras", "tf_keras"]
BOTH = [
    (vae_encoder, (2,)), (whole_vae, (2,)), (augmented_branch, (1,)), (steady, ()), (function_inside, (1,)),
    (lambda_branch, (1,)),
]
SOME = [
    ("keras", seeded_encoder, (0,)),  # Keras 2 has no SeedGenerator
    *((version, *case) for version in KERASES for case in BOTH),
]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("version", "make", "drawn"), SOME, ids=lambda value: getattr(value, "__name__", None)
)
def test_random_outputs_are_found_and_the_model_is_pruned(version, make, drawn):
    model = make(importlib.import_module(version))
    before = [np.array(one) for one in model.get_weights()]
    assert network_of(model).drawn_outputs(X) == drawn
    result = edgeprune.prune(model, 0.5, calibration=X)
    assert result.report.equivalence.holds
    assert result.report.removed.neurons >= 0.5
    said = [note for note in result.report.notes if "is random:" in note]
    assert len(said) == len(drawn)
    assert network_of(result.model).drawn_outputs(X) == drawn
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("version", KERASES)
@pytest.mark.parametrize("make", [decoder_alone, dropout_left_on], ids=lambda make: make.__name__)
def test_model_that_only_draws_is_refused_with_the_way_out(make, version):
    model = make(importlib.import_module(version))
    with pytest.raises(InputError, match=r"decoder\(z_mean\)"):
        edgeprune.prune(model, 0.5, calibration=X)


@pytest.mark.parametrize("version", ["keras", pytest.param("tf_keras", marks=pytest.mark.heavy)])
def test_what_a_decoder_reads_is_refitted_with_the_same_numbers_drawn(version):
    """Fitted to other draws, a decoder would learn the mean: its outputs would hardly vary."""
    keras = importlib.import_module(version)
    keras.utils.set_random_seed(0)
    model = whole_vae(keras)
    result = edgeprune.prune(model, 0.3, calibration=X)
    expected, found = (predict(network_of(one).reading, X)[2] for one in (model, result.model))
    left = 1 - np.square(expected - found).mean() / np.var(expected)
    assert left > 0.5


@pytest.mark.heavy
def test_the_seed_of_the_user_stays():
    import tensorflow as tf

    tf.random.set_seed(7)
    network_of(model := vae_encoder(importlib.import_module("tf_keras"))).drawn_outputs(X)
    edgeprune.prune(model, 0.5, calibration=X)
    assert tf.compat.v1.get_seed(None)[0] == 7
