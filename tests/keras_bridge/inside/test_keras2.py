"""Keras 2: layers made of layers are opened as those of Keras 3 are."""

import importlib

import numpy as np
import pytest

from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.load import load_model, save_model
from edgeprune.keras_bridge.opened import CLOSED
from tests.keras_bridge.inside import keras2_composites
from tests.keras_bridge.inside.seeded_weights import randomized
from tests.layers.pruned import prune

keras = importlib.import_module("tf_keras")


def _outputs(model, x):
    made = model(x, training=False)
    flat = []
    importlib.import_module("tensorflow").nest.map_structure(lambda one: flat.append(np.asarray(one)), made)
    return flat


def _flat(x):
    return [x[name] for name in sorted(x)] if isinstance(x, dict) else x if isinstance(x, list) else [x]


def _state(model):
    layers = list(model._flatten_layers())
    held = [sorted(vars(layer)) for layer in layers]
    return [np.array(one) for one in model.weights], [len(one._inbound_nodes) for one in layers], held


def _size(model):
    return sum(int(np.prod(one.shape)) for one in model.trainable_weights)


@pytest.mark.heavy
@pytest.mark.parametrize("make", keras2_composites.OPENED, ids=lambda make: make.__name__)
def test_opened_model_equals_the_original_and_is_pruned(make, tmp_path):
    model, x = make()
    randomized(model)
    expected, (before, nodes, held) = _outputs(model, x), _state(model)
    plain = open_model(model)
    assert plain is not model
    for one, other in zip(expected, _outputs(plain, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5)
    assert {type(layer).__module__.split(".")[0] for layer in plain._flatten_layers()} == {"tf_keras"}
    assert _size(plain) == _size(model)
    pruned = prune(plain, _flat(x))
    pruned.check()
    assert not [one for one in pruned.dependencies.refusals if "cannot be" in one.reason]
    path = tmp_path / "pruned.keras"
    save_model(pruned.model, path)
    for one, other in zip(_outputs(pruned.model, x), _outputs(load_model(path), x), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    after, nodes_after, held_after = _state(model)
    assert nodes == nodes_after
    assert held == held_after
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("version", ["keras", "tf_keras"])
def test_outputs_keep_their_names(version):
    k, tf = importlib.import_module(version), importlib.import_module("tensorflow")

    class End(k.layers.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.inner = k.layers.Dense(units)

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return tf.nn.relu(self.inner(x))

    i = k.Input((6,))
    h = k.layers.Dense(8, activation="relu")(i)
    ends = [End(3, name="score")(h), k.layers.Dense(2, name="last")(h)]
    model = k.Model(i, ends)
    model.compile("adam", {"score": "mse", "last": "mae"}, loss_weights={"score": 1.0, "last": 2.0})
    plain = open_model(model)
    assert plain.output_names == ["score", "last"]
    assert plain.loss == model.loss
    x = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
    assert plain.evaluate(x, [np.ones((8, 3)), np.ones((8, 2))], verbose=0) is not None


def test_positions_are_an_embedding_that_is_pruned_with_the_stream():
    i = keras.Input((5, 4))
    h = keras2_composites.ClassToken2(name="token")(keras.layers.Dense(8, name="wide")(i))
    model = keras.Model(i, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(h)))
    pruned = prune(open_model(model), [np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")])
    pruned.check()
    assert not [one for one in pruned.dependencies.refusals if one.layer.startswith(("token", "wide"))]


def test_layer_that_decides_by_values_stays_closed_with_its_line():
    class Deciding2(keras.layers.Layer):
        def call(self, x):
            if x.shape[0] == 3 or tf.reduce_mean(x) > 0:
                return x
            return -x

    tf = importlib.import_module("tensorflow")
    i = keras.Input((6,))
    h = Deciding2(name="deciding")(keras.layers.Dense(8, name="before")(i))
    h = keras2_composites.OwnDense2(7, name="own")(keras.layers.Dense(8, name="after")(h))
    plain = open_model(keras.Model(i, keras.layers.Dense(3)(h)))
    assert "`if x.shape[0] == 3 or tf.reduce_mean(x) > 0:`" in CLOSED[plain.get_layer("deciding")]
    refusals = {one.layer: one for one in prune(plain, [np.ones((2, 6), "float32")]).dependencies.refusals}
    assert refusals["before"].because_of == "deciding"
    assert "after" not in refusals
