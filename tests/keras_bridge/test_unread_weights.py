"""Weights that Keras leaves in a file are not replaced by random ones without a word."""

import importlib

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.load import load_model

keras = importlib.import_module("keras")


class Unbuilt(keras.Model):
    """Its build() makes a weight of its own and leaves its layers alone."""

    def __init__(self, **options):
        super().__init__(**options)
        self.wide, self.narrow = keras.layers.Dense(6), keras.layers.Dense(2)

    def build(self, _):
        self.scale = self.add_weight(shape=(), name="scale", initializer="ones")
        self.built = True

    def call(self, x):
        return self.narrow(self.wide(x)) * self.scale


class Built(Unbuilt):
    """The same, which builds them."""

    def build(self, shape):
        super().build(shape)
        self.wide.build(shape)
        self.narrow.build((*shape[:-1], 6))


@pytest.mark.parametrize("kind", [Unbuilt, Built])
def test_weights_that_keras_does_not_read(kind, tmp_path):
    model, x = kind(), np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    expected = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    objects = {kind.__name__: kind}
    if kind is Unbuilt:
        with pytest.raises(InputError, match=r"reads 1 of the 5 weights .* build\(\) of Unbuilt leaves"):
            load_model(tmp_path / "model.keras", custom_objects=objects)
        return
    loaded = load_model(tmp_path / "model.keras", custom_objects=objects)
    np.testing.assert_allclose(loaded(x), expected, rtol=1e-5)
