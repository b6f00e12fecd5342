"""The executor computes what Keras' own call computes, and can be changed under way."""

import collections

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.prune import prune
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import PausedBatch, predict, replace_weights, run
from edgeprune.keras_bridge.shrink import shrink


@pytest.fixture(params=["keras", "tf_keras"])
def keras_package(request):

    return pytest.importorskip(request.param)


def _text_model(k):
    tokens = k.Input((7,), dtype="int32", name="tokens")
    extra = k.Input((3,), name="extra")
    x = k.layers.Embedding(11, 4, mask_zero=True)(tokens)
    x = k.layers.LSTM(5)(x)
    x = k.layers.Concatenate()([x, k.layers.Dropout(0.5)(extra)])
    return k.Model([tokens, extra], [k.layers.Dense(2)(x), k.layers.Dense(3, activation="relu")(x)])


def _text_data(samples=4):
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 11, size=(samples, 7))
    tokens[:, 4:] = 0
    return [tokens, generator.normal(size=(samples, 3)).astype("float32")]


def test_masks_several_inputs_and_outputs(keras_package):
    model = _text_model(keras_package)
    data = _text_data()
    for expected, found in zip(model(data, training=False), predict(read(model), data), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_inputs_by_name(keras_package):
    reading = read(_text_model(keras_package))
    tokens, extra = _text_data()
    for by_order, by_name in zip(
        predict(reading, [tokens, extra]), predict(reading, {"extra": extra, "tokens": tokens}), strict=True
    ):
        np.testing.assert_array_equal(by_name, by_order)


def test_wrong_number_of_inputs_is_refused(keras_package):
    with pytest.raises(InputError, match="1 arrays were given for the 2 inputs"):
        predict(read(_text_model(keras_package)), _text_data()[:1])


def test_an_output_of_a_whole_batch_is_refused(keras_package):
    inputs = keras_package.Input((4,))
    x = keras_package.layers.Dense(1)(inputs)
    in_keras3 = hasattr(keras_package, "ops")
    mean = keras_package.ops.mean if in_keras3 else pytest.importorskip("tensorflow").reduce_mean
    with pytest.raises(InputError, match=r"'.*mean.*' of model .* is one number for a whole batch"):
        read(keras_package.Model(inputs, [x, mean(x)]))


@pytest.mark.parametrize("value", ["a", None])
def test_what_is_no_number_is_refused_where_numbers_are_taken(keras_package, value):
    inputs = keras_package.Input((4,))
    reading = read(keras_package.Model(inputs, keras_package.layers.Dense(2)(inputs)))
    with pytest.raises(InputError, match=r"Samples of type .* It takes float32"):
        predict(reading, np.array([[value] * 4]))


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_whose_size_a_reshape_names(keras_package, batch):
    """Time is folded into a batch of a fixed size, and unfolded; 7 samples fill no whole number of them."""
    k = keras_package
    k.utils.set_random_seed(1)  # two numbers of one sample may add up to 1 by chance, as probabilities do
    reshape = k.ops.reshape if hasattr(k, "ops") else pytest.importorskip("tensorflow").reshape
    fixed, free = k.Input(batch_shape=(batch, 4, 5)), k.Input((4, 5))
    dense, last = k.layers.Dense(6, activation="tanh"), k.layers.Dense(2)
    folded = reshape(dense(reshape(fixed, (4 * batch, 5))), (batch, 24))
    model = k.Model(fixed, last(folded * 2.0))
    same = k.Model(free, last(2.0 * k.layers.Flatten()(dense(free))))
    data = np.random.default_rng(0).normal(size=(7, 4, 5)).astype("float32")
    np.testing.assert_allclose(predict(read(model), data)[0], same(data), rtol=0, atol=1e-6)
    result = prune(model, 0.5, calibration=data, criterion="taylor", labels=np.zeros((7, 2)))
    assert result.report.removed.neurons == 0.5
    assert predict(read(result.model), data)[0].shape == (7, 2)
    assert shrink(model).report.removals == ()


def test_a_layer_that_fails_is_named(keras_package):
    k = keras_package
    inputs = k.Input((None, 3))
    x = k.layers.Conv1D(2, 3, name="first")(inputs)
    model = k.Model(inputs, k.layers.Concatenate(name="joined")([x, k.layers.Dense(2)(inputs)]))
    expected = r"Layer 'joined' of class Concatenate fails on \(2, 4, 2\), \(2, 6, 2\)"
    with pytest.raises(InputError, match=expected):
        predict(read(model), np.zeros((2, 6, 3), "float32"))
    with pytest.raises(InputError, match="Layer 'joined'"):
        prune(model, 0)


def test_steps_show_inputs_and_mask(keras_package):
    model = _text_model(keras_package)
    data = _text_data()
    seen = {step.call.layer: step for step in run(read(model), data)}
    lstm = next(step for name, step in seen.items() if "lstm" in name)
    np.testing.assert_array_equal(lstm.masks[0], data[0] != 0)
    dense = next(step for name, step in seen.items() if "dense" in name)
    assert dense.arrays[0].shape == (4, 8)
    assert dense.masks == (None,)


def test_weights_set_under_way_count(keras_package):
    k = keras_package
    model = k.Sequential([k.Input((4,)), k.layers.Dense(3, name="a"), k.layers.Dense(2, name="b")])
    reading = read(model)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
    results = []
    for step in run(reading, x, results=results):
        if step.call.layer == "b":
            replace_weights(reading, "b", {0: np.ones((3, 2)), 1: np.full(2, 7.0)})
    kernel, bias = model.get_layer("a").get_weights()
    expected = (x @ kernel + bias).sum(axis=1, keepdims=True) + 7
    np.testing.assert_allclose(results[0], np.repeat(expected, 2, axis=1), rtol=0, atol=1e-5)


def test_nested_model_called_twice(keras_package):
    k = keras_package
    inner_input = k.Input((4,))
    inner = k.Model(inner_input, k.layers.Dense(4, activation="tanh")(inner_input))
    outer_input = k.Input((4,))
    model = k.Model(outer_input, k.layers.Add()([inner(inner(outer_input)), outer_input]))
    x = np.random.default_rng(2).normal(size=(5, 4)).astype("float32")
    reading = read(model)
    np.testing.assert_allclose(predict(reading, x)[0], model(x), rtol=0, atol=1e-6)
    calls = collections.Counter(step.call.layer for step in run(reading, x))
    assert sorted(calls.values()) == [1, 2, 2]  # Add, the nested input and its Dense


def test_augmentation_and_noise_are_switched_off(keras_package):
    """Keras 3 notes ``training=True`` at augmentation layers unasked; dropout may be called with it."""
    k = keras_package
    inputs = k.Input((8, 8, 3))
    x = k.layers.RandomRotation(0.2)(k.layers.RandomFlip()(inputs))
    x = k.layers.GaussianNoise(1.0)(k.layers.Conv2D(4, 3)(x))
    plain = k.layers.Flatten()(x)
    model = k.Model(inputs, k.layers.Dropout(0.5)(plain, training=True))
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    expected = np.asarray(k.Model(inputs, plain)(images, training=False))
    np.testing.assert_allclose(predict(read(model), images)[0], expected, rtol=0, atol=1e-6)


def test_a_last_axis_of_one_may_be_missing_or_too_many(keras_package):
    k = keras_package
    images, number = k.Input((6, 6, 1)), k.Input((3,))
    x = k.layers.Concatenate()([k.layers.Flatten()(k.layers.Conv2D(2, 3)(images)), number])
    reading = read(k.Model([images, number], x))
    generator = np.random.default_rng(0)
    data = [generator.normal(size=(4, 6, 6, 1)), generator.normal(size=(4, 3))]
    (expected,) = predict(reading, data)
    (found,) = predict(reading, [data[0][..., 0], data[1][..., None]])
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(InputError, match=r"shape \(6, 6\) were given .* samples of shape \(3,\)"):
        predict(reading, [data[0], data[0][..., 0]])


def test_a_paused_run_gives_what_a_whole_run_gives(keras_package):
    """Also with weights that were changed behind the pause, however often it is asked."""
    model, data = _text_model(keras_package), _text_data()
    reading = read(model)
    paused, whole = PausedBatch(reading, data), predict(reading, data)
    last = max(number for number, call in enumerate(reading.graph.calls) if "dense" in call.layer)
    for number in (0, 3, 3, last):
        paused.advance(number)
        for _ in range(2):
            for expected, found in zip(whole, paused.outputs(), strict=True):
                np.testing.assert_array_equal(found, expected)
    layer = reading.graph.calls[last].layer
    replace_weights(reading, layer, {0: reading.layers[layer].get_weights()[0] * 1.5})
    changed = predict(reading, data)
    assert any((one != other).any() for one, other in zip(changed, whole, strict=True))
    for expected, found in zip(changed, paused.outputs(), strict=True):
        np.testing.assert_array_equal(found, expected)
