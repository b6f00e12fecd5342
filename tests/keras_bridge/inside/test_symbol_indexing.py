"""Weights of an opened layer are indexed as arrays are, which Keras does not let a symbolic tensor be."""

import importlib

import numpy as np
import pytest

from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.opened import CLOSED
from tests.keras_bridge.inside.seeded_weights import randomized

keras = importlib.import_module("keras")
KEYS = {
    "new axis": lambda w: w[None][:, :6], "slice": lambda w: w[2:8], "all": lambda w: w[...][:6],
    "from the end": lambda w: w[-6:], "row": lambda w: w[3],
}


class Shifted(keras.layers.Layer):
    """Adds a part of its weight."""

    def __init__(self, key):
        super().__init__()
        self.key = key

    def build(self, shape):
        self.table = self.add_weight(shape=(10, shape[-1]), name="table")

    def call(self, x):
        return x + KEYS[self.key](self.table)


@pytest.mark.parametrize("key", KEYS)
def test_index_of_a_weight(key):
    inputs = keras.Input((6, 5))
    x = Shifted(key)(keras.layers.Dense(4)(inputs))
    model = randomized(keras.Model(inputs, keras.layers.Dense(3)(x)))
    own = keras.KerasTensor.__getitem__
    plain = open_model(model)
    assert keras.KerasTensor.__getitem__ is own
    assert not [layer for layer in plain.layers if layer in CLOSED or isinstance(layer, Shifted)]
    x = np.random.default_rng(1).normal(size=(4, 6, 5)).astype("float32")
    np.testing.assert_allclose(plain(x), model(x), rtol=1e-5, atol=1e-5)
