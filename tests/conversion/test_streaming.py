"""The streaming file equals the whole model; a layer that cannot run step by step is refused by name."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune.conversion.litert import interpreter
from edgeprune.conversion.streaming import streaming_file
from edgeprune.conversion.streaming_run import run_streaming, used_steps
from edgeprune.errors import InputError

STEPS, BANDS = 20, 6


def with_weights(model):
    rng = np.random.default_rng(8)
    drawn = [rng.normal(0, 0.4, one.shape) for one in model.get_weights()]
    names = [one.name for one in model.weights]
    model.set_weights([
        np.abs(one) + 0.1 if "variance" in name else one for one, name in zip(drawn, names, strict=True)
    ])  # fmt: skip
    return model


def every_kind(keras):
    """One model with every kind of state, and outputs with and without time."""
    layers = keras.layers
    frames = keras.Input((STEPS, BANDS))
    x = layers.Normalization(mean=[0.1 * n for n in range(BANDS)], variance=[2.0] * BANDS)(frames)
    x = layers.Conv1D(7, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = layers.ZeroPadding1D((4, 0))(layers.BatchNormalization()(x))
    x = layers.SeparableConv1D(8, 3, dilation_rate=2, depth_multiplier=2)(x)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2)(layers.ZeroPadding1D((2, 0))(x))
    x = layers.PReLU(shared_axes=[1])(layers.Conv1D(9, 1, padding="same")(x))
    x = layers.UnitNormalization()(layers.TimeDistributed(layers.Dense(8))(x))
    x = layers.GRU(5, return_sequences=True)(x)
    inner = keras.Input((STEPS, 5))
    x = keras.Model(inner, layers.LSTM(5, return_sequences=True)(inner))(x)
    read, state, carry = layers.LSTM(4, return_sequences=True, return_state=True)(x)
    both = layers.Concatenate()([x, read])
    scores = layers.Softmax()(layers.LayerNormalization()(layers.Dense(4)(both)))
    mean = layers.Dense(3, activation="tanh")(layers.GlobalAveragePooling1D()(both))
    largest = layers.Flatten()(layers.GlobalMaxPooling1D(keepdims=True)(both))
    return with_weights(
        keras.Model(frames, [scores, mean, largest, layers.SimpleRNN(3)(both), state, carry])
    )


@pytest.mark.heavy
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
def test_a_cell_equals_the_whole_model_after_each_number_of_steps(flavour):
    model = every_kind(pytest.importorskip(flavour))
    x = np.random.default_rng(1).normal(size=(3, STEPS, BANDS)).astype(np.float32)
    whole = [np.asarray(one) for one in model(x, training=False)]
    converted = streaming_file(model, "none")
    assert [one.name for one in converted.inputs] == ["step", *(f"state_{n}" for n in range(13))]
    found = run_streaming(converted.tflite, x, used_steps(model, x), [np.zeros_like(one) for one in whole])
    for ours, keras in zip(found, whole, strict=True):
        np.testing.assert_allclose(ours, keras, rtol=0, atol=1e-5)


def token_model(keras):
    layers, tokens = keras.layers, keras.Input((12,), dtype="int32")
    x = layers.GRU(40, return_sequences=True)(layers.Embedding(30, 40, mask_zero=True)(tokens))
    return with_weights(keras.Model(tokens, layers.Dense(3)(layers.LSTM(40)(x))))


@pytest.mark.heavy
def test_padding_is_not_fed_and_weights_may_be_int8():
    import keras

    model = token_model(keras)
    x = np.random.default_rng(2).integers(1, 30, (3, 12)).astype(np.int32)
    x[1, 7:], x[2, :4] = 0, 0
    whole = np.asarray(model(x, training=False))
    used = used_steps(model, x)
    assert used.sum(1).tolist() == [12, 7, 8]
    files = {mode: streaming_file(model, mode).tflite for mode in ("none", "int8")}
    (exact,) = run_streaming(files["none"], x, used, [np.zeros_like(whole)])
    np.testing.assert_allclose(exact, whole, rtol=0, atol=1e-5)
    (rounded,) = run_streaming(files["int8"], x, used, [np.zeros_like(whole)])
    assert 1e-4 < np.abs(rounded - whole).max() < 0.05 * np.abs(whole).max()
    assert len(files["int8"]) < 0.5 * len(files["none"])
    # States, which an app hands on, are float in both.
    details = interpreter(files["int8"]).get_input_details()
    assert {np.dtype(one["dtype"]) for one in details[1:]} == {np.dtype(np.float32)}


@pytest.mark.heavy
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize(("name", "why"), [
    ("backward", "reads the steps backwards, too"), ("only_backward", "reads the steps backwards"),
    ("later", "reads later steps"), ("strided", "makes one step of several"),
    ("pooled", "makes one step of several"), ("late", "2 steps before the first to read and 0 of padding"),
    ("attended", "reads all steps at once"), ("flat", "joins all steps"), ("turned", "may mix steps"),
    ("by_time", "may mix steps"), ("joined", "may mix steps"), ("padded", "has 2 steps more than its input"),
    ("padded_state", "reads 2 steps of zeros"), ("alone", "keeps nothing from one step"),
    ("scalars", "may mix steps"), ("own_steps", "computes each step with other numbers"),
    ("two", r"has the inputs \(None, 20, 6\), \(None, 3\)"),
])  # fmt: skip
def test_what_needs_later_steps_is_refused(flavour, name, why):
    keras = pytest.importorskip(flavour)
    layers, x = keras.layers, keras.Input((STEPS, BANDS))
    gru = layers.GRU(3, return_sequences=True)
    other = keras.Input((3,))
    made = {
        "backward": lambda: layers.Bidirectional(gru)(x),
        "only_backward": lambda: layers.GRU(3, go_backwards=True)(x),
        "later": lambda: layers.Conv1D(3, 3, padding="same")(gru(x)),
        "strided": lambda: layers.Conv1D(3, 3, strides=2, padding="causal")(x),
        "pooled": lambda: gru(layers.MaxPooling1D()(x)), "late": lambda: layers.Conv1D(3, 3)(x),
        "attended": lambda: layers.MultiHeadAttention(2, 3)(x, x),
        "flat": lambda: layers.Flatten()(gru(x)), "turned": lambda: gru(layers.Permute((2, 1))(x)),
        "by_time": lambda: gru(layers.BatchNormalization(axis=1)(x)),
        "joined": lambda: gru(layers.Concatenate(axis=1)([x, x])),
        "padded": lambda: layers.ZeroPadding1D((2, 0))(gru(x)),
        "padded_state": lambda: gru(layers.ZeroPadding1D((2, 0))(x)), "alone": lambda: layers.Dense(3)(x),
        "scalars": lambda: layers.Activation("softmax")(other),
        "own_steps": lambda: gru(layers.PReLU(alpha_initializer="ones")(x)),
        "two": lambda: layers.Concatenate()([layers.GRU(3)(x), other]),
    }[name]()
    inputs = {"two": [x, other], "scalars": other}.get(name, x)
    with pytest.raises(InputError, match=why):
        streaming_file(keras.Model(inputs, made), "none")
