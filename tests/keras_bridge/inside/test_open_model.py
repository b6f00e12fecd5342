"""Layers made of layers: the plain model computes the same, is pruned, and needs no user's code."""

import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.errors import InputError
from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.load import load_model, save_model
from edgeprune.keras_bridge.network import network_of
from edgeprune.keras_bridge.opened import CLOSED, OPENED
from edgeprune.keras_bridge.read import read
from tests.keras_bridge.inside import composite_models
from tests.keras_bridge.inside.seeded_weights import randomized
from tests.layers.pruned import prune

keras = importlib.import_module("keras")


def _outputs(model, x):
    with keras.StatelessScope():
        return keras.tree.flatten(model(x, training=False))


@keras.saving.register_keras_serializable("names")
class Steps(keras.layers.Layer):
    """Its additions are named by Keras as they are made again."""

    def call(self, x):
        for number in range(1, 5):
            x = keras.ops.relu(x + number * x) + x[:, ::-1]
        return x


@pytest.mark.parametrize("name", ["add", "add_1", "add_2", "add_3", "add_7", "multiply_1", "relu"])
def test_a_layer_may_be_called_as_keras_calls_an_operation(name):
    """As in a file: in a new process Keras' own count of names starts at 0."""
    inputs = keras.Input((6,))
    x = keras.layers.Dense(8, activation="relu", name="wide")(inputs)
    x = keras.layers.Add(name=name)([Steps()(x), x])
    model = randomized(keras.Model(inputs, keras.layers.Dense(3, name="out")(Steps()(x))))
    keras.utils.clear_session(free_memory=False)
    plain = open_model(model)
    assert {"wide", name, "out"} <= {layer.name for layer in plain.layers}
    x = np.random.default_rng(5).normal(size=(7, 6)).astype(np.float32)
    (found,), (expected,) = _outputs(plain, x), _outputs(model, x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3 * np.abs(expected).max())


def _state(model):
    inbound = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    return [np.array(weight) for weight in model.variables], inbound


@pytest.mark.parametrize("make", composite_models.OPENED, ids=lambda make: make.__name__)
def test_opened_model_equals_the_original_and_is_pruned(make, tmp_path):
    model, x = make()
    randomized(model)
    (before, nodes), expected = _state(model), _outputs(model, x)
    plain = open_model(model)
    assert plain is not model
    for one, other in zip(expected, _outputs(plain, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5)
    assert {type(layer).__module__.split(".")[0] for layer in plain._flatten_layers()} == {"keras"}
    flat = keras.tree.flatten(x)
    pruned = prune(plain, flat)
    pruned.check()
    assert not [one for one in pruned.dependencies.refusals if "cannot be" in one.reason]
    path = tmp_path / "pruned.keras"
    save_model(pruned.model, path)
    for one, other in zip(_outputs(pruned.model, x), _outputs(load_model(path), x), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    after, nodes_after = _state(model)
    assert nodes == nodes_after
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_shared_block_stays_shared():
    model, _ = composite_models.masked_text()
    assert open_model(model).count_params() == model.count_params()


def test_weights_of_ones_own_become_layers_that_train():
    plain = open_model(composite_models.own_dense()[0])
    kinds = {layer.name: type(layer).__name__ for layer in plain.layers if layer.weights}
    assert set(kinds.values()) == {"Dense", "Embedding"}
    assert len(plain.trainable_weights) == 2 * 3 + 2


def test_compiled_loss_goes_along():
    model, _ = composite_models.two_towers()
    model.compile("adam", {"score": "mse", "kind": "sparse_categorical_crossentropy"})
    assert open_model(model).loss == model.loss


def test_layer_that_draws_stays_closed_and_its_output_is_left_out_of_the_proof():
    i = keras.Input((6,))
    h = keras.layers.Dense(8, activation="relu")(i)
    mean, spread = keras.layers.Dense(4)(h), keras.layers.Dense(4)(h)
    model = keras.Model(i, [mean, spread, composite_models.Drawing(name="drawing")([mean, spread])])
    plain = open_model(model)
    assert "it draws random numbers" in CLOSED[plain.get_layer("drawing")]
    x = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
    result = edgeprune.prune(model, 0.5, calibration=x)
    assert result.report.equivalence.holds
    assert result.report.removed.neurons >= 0.5


def test_line_that_stops_a_layer_is_named():
    import tensorflow as tf

    class Frozen(keras.layers.Layer):
        def call(self, x):
            return tf.numpy_function(lambda a: a * 2, [x], tf.float32)

        def compute_output_shape(self, shape):
            return shape

    i = keras.Input((6,))
    h = Frozen(name="frozen")(keras.layers.Dense(8, name="before")(i))
    h = composite_models.OwnDense(7, name="own")(keras.layers.Dense(8, name="after", activation="relu")(h))
    plain = open_model(keras.Model(i, keras.layers.Dense(3)(h)))
    assert "`return tf.numpy_function(lambda a: a * 2, [x], tf.float32)`" in CLOSED[plain.get_layer("frozen")]
    refusals = {one.layer: one for one in prune(plain, [np.ones((2, 6), "float32")]).dependencies.refusals}
    assert refusals["before"].because_of == "frozen"
    assert "after" not in refusals


def test_model_that_is_plain_stays_itself():
    i = keras.Input((6,))
    model = keras.Model(i, keras.Sequential([keras.layers.Dense(4), keras.layers.ReLU()])(i))
    assert open_model(model) is model


def test_subclassed_model_that_cannot_be_opened_names_the_line():
    class Deciding(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def build(self, shape):
            self.dense.build(shape)

        def call(self, x):
            return self.dense(x) if keras.ops.max(x) > 0 else x

    model = Deciding()
    model(np.ones((2, 3), "float32"))
    with pytest.raises(InputError, match=r"line \d+, `return self.dense\(x\) if keras"):
        edgeprune.prune(model, 0.5)


def test_notes_name_what_was_opened():
    plain = open_model(composite_models.class_token()[0])
    assert OPENED[plain][0].startswith("Pruned inside of Block, OwnAttention, ClassToken:")
    assert network_of(plain).caveats() == list(OPENED[plain])


@pytest.mark.parametrize("mode", ["int8", pytest.param("float8", marks=pytest.mark.heavy)])
def test_quantized_layers_are_dequantized(mode):
    i = keras.Input((6,))
    model = randomized(keras.Model(i, keras.layers.Dense(3)(keras.layers.Dense(8, activation="relu")(i))))
    x = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
    expected = np.asarray(model(x))
    model.quantize(mode)
    assert np.abs(np.asarray(open_model(model)(x)) - expected).max() < 0.02 * np.abs(expected).max()


def test_four_bit_layers_are_refused_by_name():
    i = keras.Input((6,))
    model = keras.Model(i, keras.layers.Dense(3)(keras.layers.Dense(8, name="small")(i)))
    model.quantize("int4")
    with pytest.raises(InputError, match=r"Layer 'small' of class Dense was quantized by quantize"):
        edgeprune.prune(model, 0.5)


@pytest.mark.parametrize("version", ["keras", "tf_keras"])
def test_closed_layer_that_trains_itself_is_left_as_it_was(version):
    k = importlib.import_module(version)

    class Restless(k.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.norm = k.layers.BatchNormalization(momentum=0.5)

        def build(self, shape):
            self.norm.build(shape)
            super().build(shape)

        def call(self, x):
            if hasattr(x, "numpy"):  # runs eagerly alone, so it cannot be opened
                x = x + 0 * float(np.asarray(x).max())
            return self.norm(x, training=True)

        def compute_output_shape(self, shape):
            return shape

        def get_config(self):
            return super().get_config()

    i = k.Input((6,))
    h = Restless(name="restless")(k.layers.Dense(8, activation="relu")(i))
    model = k.Model(i, k.layers.Dense(3)(k.layers.Dense(7, activation="relu")(h)))
    before = [np.array(weight) for weight in model.get_weights()]
    x = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
    edgeprune.prune(read(model).model, 0.3, calibration=x)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
