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
    # A turn of the loop has some dozens of operators, whatever their width.
    assert len(converted.tflite) < 1.3 * weights + 50_000
    # The model itself is as it was.
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def every_option(keras):
    """One model of many recurrent layers over the same masked or unmasked steps; an output for each."""
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    state, other = keras.Input((4,), name="state"), keras.Input((4,), name="other")
    plain = layers.Embedding(20, 5)(tokens)
    masked = layers.Embedding(20, 5, mask_zero=True)(tokens)
    kinds = (layers.SimpleRNN, layers.GRU, layers.LSTM)
    outputs = []
    for kind in kinds:
        outputs += [kind(4)(plain), kind(4, return_sequences=True, go_backwards=True)(masked)]
        outputs += kind(4, return_state=True, return_sequences=True, use_bias=False)(masked)
        outputs += [layers.Bidirectional(kind(3, return_sequences=True), merge_mode="sum")(masked)]
        outputs += [layers.Bidirectional(kind(3))(masked)]
    wider = layers.GRU(4, go_backwards=True)
    outputs += [layers.Bidirectional(layers.GRU(3), backward_layer=wider)(masked)]
    outputs += layers.Bidirectional(layers.LSTM(3, return_state=True), merge_mode="mul")(plain)
    outputs += [layers.Bidirectional(layers.GRU(3, recurrent_activation="tanh"))(masked)]
    outputs += [layers.GRU(4, return_sequences=True)(masked, initial_state=[state])]
    outputs += [layers.LSTM(4, return_sequences=True)(masked, initial_state=[state, other])]
    outputs += [layers.GRU(4, reset_after=False, activation="relu", recurrent_activation="tanh")(masked)]
    outputs += [layers.LSTM(4, activation="softsign", unit_forget_bias=False, unroll=False)(plain)]
    # One gate at a time, however the gates lie side by side.
    outputs += [kind(4, recurrent_activation="softmax")(masked) for kind in kinds[1:]]
    outputs += [layers.GRU(4, recurrent_activation="hard_sigmoid", return_sequences=True)(masked)]
    model = keras.Model([tokens, state, other], outputs)
    rng = np.random.default_rng(7)
    model.set_weights([rng.normal(0, 0.4, array.shape) for array in model.get_weights()])
    return model


@pytest.mark.heavy
@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
@pytest.mark.parametrize("steps", [25, 6])  # a loop and a step after it; all written out
def test_steps_written_out_equal_keras_with_every_option(flavour, steps):
    model = every_option(pytest.importorskip(flavour))
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, 20, (5, steps)).astype(np.int32)
    tokens[0], tokens[1, 4:], tokens[2, :4] = 0, 0, 0  # nothing at all, padded after, padded before
    x = (tokens, *(rng.normal(0, 1, (5, 4)).astype(np.float32) for _ in range(2)))
    expected = [np.asarray(one) for one in model(list(x), training=False)]
    found = conversion.run_tflite(conversion.convert(model, "none", x).tflite, x)
    for number, (ours, keras) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(ours, keras, rtol=0, atol=1e-5, err_msg=f"output {number}")
    # The model itself is as it was.
    for ours, keras in zip(model(list(x), training=False), expected, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), keras)


@pytest.mark.parametrize(("units", "loops"), [(4, 2), (64, 3)])
def test_a_masked_loop_equals_keras(units, loops):
    """Both directions of a small layer share a loop; for a wide one that would cost too much."""
    import keras

    tokens = keras.Input((25,), dtype="int32")
    x = keras.layers.Embedding(20, 5, mask_zero=True)(tokens)
    x = keras.layers.Bidirectional(keras.layers.GRU(units, return_sequences=True))(x)
    model = keras.Model(tokens, keras.layers.LSTM(3, return_sequences=True, go_backwards=True)(x))
    rng = np.random.default_rng(6)
    model.set_weights([rng.normal(0, 0.4, array.shape) for array in model.get_weights()])
    x = rng.integers(0, 20, (5, 25)).astype(np.int32)
    x[1, 4:] = 0
    converted = conversion.convert(model, "none", x)
    assert converted.operators["WHILE"] == loops
    np.testing.assert_allclose(
        conversion.run_tflite(converted.tflite, x), model(x, training=False), rtol=0, atol=1e-5
    )


def test_a_subclass_keeps_its_own_steps():
    import keras

    class Slow(keras.layers.GRU):
        def call(self, sequences, initial_state=None, mask=None, training=False):
            return super().call(0.5 * sequences, initial_state, mask, training)

    frames = keras.Input((12, 6))
    model = keras.Model(frames, Slow(4)(frames))
    x = np.random.default_rng(2).normal(size=(6, 12, 6)).astype(np.float32)
    found = conversion.run_tflite(conversion.convert(model, "none").tflite, x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=0, atol=1e-5)


@pytest.mark.heavy
def test_only_integer_inputs_get_the_fused_lstm_which_starts_each_sample_afresh():
    model = recurrent_model("tf_keras", "LSTM")
    x = np.random.default_rng(2).normal(size=(6, 12, 6)).astype(np.float32)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" not in conversion.convert(model, "int8", x).operators
    converted = conversion.convert(model, "int8", x, "int8")
    assert converted.operators["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 2
    together = conversion.run_tflite(converted.tflite, x, workers=1)
    alone = [conversion.run_tflite(converted.tflite, x[i : i + 1]) for i in range(6)]
    np.testing.assert_array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_the_whole_stage_takes_a_loop_and_tells_its_layers_errors(name):
    model = recurrent_model("tf_keras", name)
    x = np.random.default_rng(1).normal(size=(40, 12, 6)).astype(np.float32)
    done = quantize(model, QuantizeOptions(), x[:20], Validation((x[20:],)))
    assert done.validation.agreement_fraction >= 0.9
    assert "scores" in {error.layer for error in done.layer_errors}
    assert all(np.isfinite(error.relative_error) for error in done.layer_errors)


@pytest.mark.heavy
def test_layer_errors_of_loops_both_ways_are_told():
    x = np.random.default_rng(4).integers(0, 50, (6, 20)).astype(np.int32)
    model = find("text-tagger").build((20,), 5, 1, vocabulary=50)
    files = [conversion.convert(model, mode, x).tflite for mode in ("none", "int8")]
    errors = layer_errors(*files, (x,), [layer.name for layer in model.layers])
    assert any(error.layer == "output" for error in errors)
    assert 0 < max(error.relative_error for error in errors) < 0.2


@pytest.mark.heavy
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
