"""Models trained in mixed precision, brought to float32."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.keras_bridge.float32 import model_in_float32
from edgeprune.keras_bridge.keras_version import is_keras3, keras_of


def mixed(flavour, policy):
    """Nested, wrapped and recurrent layers and a constant, the last layer in float32 as Keras' guide says."""
    keras = pytest.importorskip(flavour)
    layers = keras.layers
    setter = keras.config.set_dtype_policy if flavour == "keras" else keras.mixed_precision.set_global_policy
    setter(policy)
    try:
        image = keras.Input((8, 8, 3), name="image")
        inner = layers.Conv2D(4, 3, name="inner")
        block = keras.Sequential(
            [keras.Input((8, 8, 3)), inner, layers.BatchNormalization(), layers.ReLU()], name="block"
        )
        x = layers.Reshape((6, 24))(block(image))
        x = 1.0 - layers.Bidirectional(layers.GRU(4))(layers.TimeDistributed(layers.Dense(5))(x))
        model = keras.Model(image, layers.Dense(3, dtype="float32", name="kind")(x), name="mixed")
    finally:
        setter("float32")
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.6, array.shape) for array in model.get_weights()])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_mixed_model_becomes_one_of_float32(flavour, policy):
    model = mixed(flavour, policy)
    whole = model_in_float32(model)
    assert is_keras3(whole) == (flavour == "keras")
    assert (whole.name, whole.loss) == ("mixed", model.loss)
    assert [layer.name for layer in whole.layers] == [layer.name for layer in model.layers]
    assert {layer.compute_dtype for layer in whole._flatten_layers(include_self=False)} == {"float32"}
    x = np.random.default_rng(5).random((6, 8, 8, 3), dtype=np.float32)
    expected = model.predict(x, verbose=0)
    # Half precision rounds to 11 bits, bfloat16 to 8.
    tolerance = 0.01 if policy == "mixed_float16" else 0.05
    assert np.abs(whole.predict(x, verbose=0) - expected).max() <= tolerance * np.abs(expected).max()
    found = conversion.run_tflite(conversion.convert(whole, "none").tflite, x)
    np.testing.assert_allclose(found, whole.predict(x, verbose=0), rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_float32_model_is_left_as_it_is():
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    assert model_in_float32(model) is model
    assert keras_of(model) is tf_keras
