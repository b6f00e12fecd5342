"""Recurrent models of both flavours: right, small and without a crash of the calibrator."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import recurrent
from edgeprune.conversion.layer_error import layer_errors
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.quantize import quantize
from edgeprune.errors import InputError
from edgeprune_models import find


def recurrent_model(flavour, name):
    keras = pytest.importorskip(flavour)
    inputs = keras.Input((12, 6), name="frames")
    layer = getattr(keras.layers, name)(64)
    if flavour == "tf_keras" and name == "LSTM":
        layer = keras.layers.Bidirectional(layer)
    model = keras.Model(inputs, keras.layers.Dense(5, name="scores")(layer(inputs)))
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.2, array.shape) for array in model.get_weights()])
    return model


@pytest.mark.parametrize(("flavour", "name"), [("tf_keras", "LSTM"), ("tf_keras", "GRU"), ("keras", "LSTM")])
def test_int8_of_a_recurrent_model_is_small_and_says_how(flavour, name):
    model = recurrent_model(flavour, name)
    x = np.random.default_rng(1).normal(size=(16, 12, 6)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    converted = conversion.convert(model, "int8", x)
    assert converted.notes == (recurrent.NOTE,)
    found = conversion.run_tflite(converted.tflite, x)
    assert np.abs(found - expected).max() <= 0.03 * np.abs(expected).max()
    weights = sum(array.size for array in model.get_weights())
    assert len(converted.tflite) < 2.2 * weights
    # The model itself is as it was.
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_fused_lstm_starts_each_sample_afresh():
    model = recurrent_model("tf_keras", "LSTM")
    x = np.random.default_rng(2).normal(size=(6, 12, 6)).astype(np.float32)
    converted = conversion.convert(model, "none")
    assert converted.operators["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 2
    found = conversion.run_tflite(converted.tflite, x, workers=1)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_the_whole_stage_takes_a_loop_and_tells_its_layers_errors(name):
    model = recurrent_model("tf_keras", name)
    x = np.random.default_rng(1).normal(size=(40, 12, 6)).astype(np.float32)
    done = quantize(model, QuantizeOptions(), x[:20], Validation((x[20:],)))
    assert done.validation.agreement_fraction >= 0.9
    assert "scores" in {error.layer for error in done.layer_errors}
    assert all(np.isfinite(error.relative_error) for error in done.layer_errors)


def test_layer_errors_of_loops_both_ways_are_told():
    x = np.random.default_rng(4).integers(0, 50, (6, 20)).astype(np.int32)
    model = find("text-tagger").build((20,), 5, 1, vocabulary=50)
    files = [conversion.convert(model, mode, x).tflite for mode in ("none", "int8")]
    errors = layer_errors(*files, (x,), [layer.name for layer in model.layers])
    assert any(error.layer == "output" for error in errors)
    assert 0 < max(error.relative_error for error in errors) < 0.2


def test_a_mask_keeps_the_calibrator_out():
    # With a mask the layer that could be fused becomes a loop, and the calibrator dies on loops.
    import tf_keras

    layers = tf_keras.layers
    tokens = tf_keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Bidirectional(layers.LSTM(8))(layers.Embedding(30, 8, mask_zero=True)(tokens))
    model = tf_keras.Model(tokens, layers.Dense(3, name="scores")(x))
    x = np.random.default_rng(1).integers(0, 30, (16, 12)).astype(np.int32)
    x[:, 8:] = 0
    expected = model.predict(x, verbose=0)
    converted = conversion.convert(model, "int8", x, "int8")
    assert converted.notes == (f"{recurrent.NOTE} {recurrent.ENDS}",)
    found = conversion.run_tflite(converted.tflite, x)
    assert np.abs(found - expected).max() <= 0.03 * np.abs(expected).max()


@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
def test_a_stateful_layer_is_named(flavour):
    keras = pytest.importorskip(flavour)
    frames = keras.Input(batch_shape=(1, 12, 6))
    model = keras.Model(frames, keras.layers.LSTM(4, stateful=True, name="memory")(frames))
    with pytest.raises(InputError, match=r"'memory' keeps its state.*stateful=False"):
        conversion.convert(model, "none")
