"""A copy of a model computes what the model does, and shares nothing with it."""

import numpy as np
import pytest

from edgeprune.keras_bridge.clone import clone


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_a_clone_has_the_weights_and_what_layers_derive_from_them(package):
    keras = pytest.importorskip(package)
    x = np.random.default_rng(1).normal(5, 3, (40, 4)).astype(np.float32)
    adapted = keras.layers.Normalization()
    adapted.adapt(x)
    model = keras.Sequential([keras.Input((4,)), adapted, keras.layers.Dense(3)])
    copy = clone(model)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(copy.predict(x, verbose=0), expected, rtol=1e-6, atol=1e-6)
    copy.layers[-1].set_weights([np.zeros((4, 3)), np.zeros(3)])
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
