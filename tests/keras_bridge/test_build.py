"""The smaller model has the original's values, whatever its layers make their variables from."""

import importlib

import numpy as np
import pytest

from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.strip import strip
from edgeprune.pruning.units import trace
from tests.layers.pruned import prune, with_weights

keras = importlib.import_module("keras")


def _samples():
    return [np.random.default_rng(2).normal(size=(3, 6, 4)).astype("float32")]


def test_no_initializer_runs_in_keras3(monkeypatch):
    """Random values that are assigned over would be a third of the time of building."""
    drawn = []
    initializer = keras.initializers.GlorotUniform
    original = initializer.__call__
    monkeypatch.setattr(
        initializer, "__call__", lambda *args, **kwargs: drawn.append(args) or original(*args, **kwargs)
    )
    inputs = keras.Input((6, 4))
    part = keras.Sequential([keras.Input((6, 4)), keras.layers.Dense(8, activation="tanh")])
    model = with_weights(keras.Model(inputs, keras.layers.Dense(3)(part(inputs))), seed=1)
    assert len(drawn) == 2
    pruned = prune(model, _samples())
    pruned.check()
    drawn.clear()
    build(pruned.reading, strip(pruned.units, pruned.keep))
    assert not drawn


def _value_in_build():
    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale = keras.Variable(np.linspace(1, 2, shape[-1]).astype("float32"), name="scale")
            self.built = True

        def call(self, x):
            return x * self.scale

    return Scaled(name="scaled")


@pytest.mark.parametrize("makes", ["a stateful layer", "a layer of the user's own"])
def test_variables_made_from_values(makes):
    inputs = keras.Input(batch_shape=(3, 6, 4))
    x = keras.layers.Dense(8, activation="tanh", name="before")(inputs)
    layer = _value_in_build() if makes == "a layer of the user's own" else keras.layers.GRU(5, stateful=True)
    x = keras.layers.Dense(7, activation="tanh", name="after")(layer(x))
    model = with_weights(keras.Model(inputs, keras.layers.Dense(3)(x)), seed=1)
    assert len(trace(read(model).graph).groups) >= 1
    prune(model, _samples()).check()


@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("stateful", [False, True])
def test_a_variable_that_starts_from_an_array(flavour, stateful):
    """As word vectors do; inside a wrapper and in a cell too."""
    k = importlib.import_module(flavour)

    def start(size):
        return k.initializers.Constant(np.linspace(-1, 1, size).tolist())

    inputs = k.Input(batch_shape=(3, 6, 4))
    x = k.layers.Dense(8, activation="tanh", bias_initializer=start(8))(inputs)
    x = k.layers.TimeDistributed(k.layers.Dense(7, bias_initializer=start(7)))(x)
    x = k.layers.RNN(k.layers.SimpleRNNCell(5, bias_initializer=start(5)), stateful=stateful)(x)
    prune(with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1), _samples()).check()
