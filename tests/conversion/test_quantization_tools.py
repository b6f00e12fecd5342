"""The tools of the ladder on one small float file: each against numpy or a property it must have."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import ai_edge_route, flatfile, ranges
from edgeprune.conversion.activations import record
from edgeprune.conversion.bias import correct_bias
from edgeprune.conversion.clustering import k_means
from edgeprune.conversion.convert import converted_file
from edgeprune.conversion.equalize import equalize
from edgeprune.conversion.layer_error import layer_errors, layer_of

LAYERS = ("wide", "depthwise", "point", "scores")


@pytest.fixture(scope="module")
def case():
    """A model whose channels differ a thousandfold in range, its float file and samples."""
    import tf_keras

    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="wide")(image)
    x = layers.DepthwiseConv2D(3, name="depthwise", activation="relu")(x)
    x = layers.Conv2D(6, 1, name="point", activation="relu")(x)
    x = layers.Dense(4, name="scores")(layers.Flatten()(x))
    model = tf_keras.Model(image, x)
    rng = np.random.default_rng(11)
    weights = [rng.normal(0, 0.4, array.shape) for array in model.get_weights()]
    spread = np.geomspace(0.03, 30, 8)
    weights[0] *= spread
    weights[1] *= spread
    weights[2] /= spread[:, None]
    model.set_weights(weights)
    samples = rng.random((48, 8, 8, 3), dtype=np.float32)
    return model, conversion.convert(model, "none"), samples


def int8(case, floating=None, exceptions=None, narrow=ranges.extremes):
    _, converted, samples = case
    floating = floating or converted.tflite
    found = narrow(ranges.collect(floating, (samples,)))
    raw = ai_edge_route.quantize_file(floating, "int8", found, exceptions=exceptions)
    return converted_file(raw, "int8", "ai-edge-quantizer", ["image"], ["scores"]).tflite


def distance(case, tflite):
    _, converted, samples = case
    wanted = conversion.run_tflite(converted.tflite, samples)
    return np.abs(conversion.run_tflite(tflite, samples) - wanted).mean() / np.abs(wanted).mean()


def test_recorded_activations_are_those_of_the_layers(case):
    import tf_keras

    model, converted, samples = case
    inner = tf_keras.Model(model.inputs, model.get_layer("depthwise").output)
    expected = inner.predict(samples[:1], verbose=0)
    found = next(record(converted.tflite, (samples,)))
    matching = [array for name, array in found.items() if layer_of(name, LAYERS) == "depthwise"]
    assert any(
        array.shape == expected.shape and np.allclose(array, expected, rtol=0, atol=1e-4 * expected.max())
        for array in matching
    )


def test_equalising_changes_no_output_and_helps(case):
    level = equalize(case[1].tflite, (case[2],))
    assert distance(case, level) < 1e-5
    assert distance(case, int8(case, level)) < 0.5 * distance(case, int8(case))


def test_bias_correction_brings_the_mean_back(case):
    _, converted, samples = case
    before = int8(case)
    after = correct_bias(converted.tflite, before, (samples,))
    wanted = conversion.run_tflite(converted.tflite, samples).mean(axis=0)
    means = [conversion.run_tflite(file, samples).mean(axis=0) for file in (before, after)]
    assert np.abs(means[1] - wanted).max() < 0.5 * np.abs(means[0] - wanted).max()


def test_layer_errors_name_layers_and_fall_where_a_layer_stays_float(case):
    _, converted, samples = case
    quantized = int8(case)
    errors = layer_errors(converted.tflite, quantized, (samples[:8],), LAYERS)
    assert {error.layer for error in errors} >= {"wide", "depthwise", "point", "scores"}
    assert [error.relative_error for error in errors] == sorted(
        (error.relative_error for error in errors), reverse=True
    )
    wide = next(error for error in errors if error.layer == "wide")
    mixed = int8(case, exceptions={wide.tensor: "none"})
    kept = layer_errors(converted.tflite, mixed, (samples[:8],), LAYERS)
    assert next(error for error in kept if error.layer == "wide").relative_error < 0.2 * wide.relative_error


def test_least_squares_range_ignores_an_outlier():
    # Clipping one value of 200,000 from 40 to 30 costs 100 / 200,000; the narrower step saves twice that.
    values = np.append(np.random.default_rng(0).normal(size=200000), 40).astype(np.float32)
    statistics = {"t": ranges.TensorStatistics(ranges.Range(float(values.min()), 40.0, 2), values)}
    chosen = ranges.least_squares(statistics)["t"]
    assert chosen.high < 36
    assert ranges.extremes(statistics)["t"].high == 40.0


def test_k_means_keeps_zeros_and_the_number_of_values():
    values = np.random.default_rng(2).normal(size=(40, 30))
    values[np.abs(values) < 0.5] = 0
    shared = k_means(values, 16)
    assert 12 <= len(np.unique(shared)) <= 16
    np.testing.assert_array_equal(shared == 0, values == 0)
    # Each value went to the nearest of the shared ones, up to ties.
    centers = np.unique(shared[shared != 0])
    nearest = np.abs(values[values != 0][:, None] - centers).min(axis=1)
    np.testing.assert_allclose(np.abs(shared - values)[values != 0], nearest, rtol=0, atol=1e-12)


def test_few_values_stay_as_they_are():
    values = np.array([[1.0, 0.0], [2.0, -3.0]])
    np.testing.assert_array_equal(k_means(values, 4), values)


def test_packing_a_parsed_file_changes_nothing(case):
    tflite = case[1].tflite
    assert flatfile.pack(flatfile.parse(tflite)) == tflite
    assert b".py" not in tflite


def test_the_second_route_takes_a_large_model():
    # From 256 kB of weights on, the package puts them behind the FlatBuffer.
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((600,), name="x"), tf_keras.layers.Dense(600, name="scores")])
    samples = np.random.default_rng(3).normal(size=(8, 600)).astype(np.float32)
    converted = conversion.convert(model, "none")
    found = ranges.extremes(ranges.collect(converted.tflite, (samples,)))
    raw = ai_edge_route.quantize_file(converted.tflite, "int8", found)
    tflite = converted_file(raw, "int8", "ai-edge-quantizer", ["x"], ["scores"]).tflite
    wanted = model.predict(samples, verbose=0)
    assert 360_000 < len(tflite) < 380_000
    assert np.abs(conversion.run_tflite(tflite, samples) - wanted).max() < 0.03 * np.abs(wanted).max()


def test_constants_lie_where_kernels_may_read_them_in_place(case):
    from ai_edge_litert import schema_py_generated as schema

    tflite = int8(case)
    model = schema.Model.GetRootAs(tflite, 0)
    whole = np.frombuffer(tflite, np.uint8)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    data = [buffer.DataAsNumpy() for buffer in buffers if buffer.DataLength()]
    assert len(data) >= 8  # four kernels and four biases
    start = whole.__array_interface__["data"][0]
    assert {(one.__array_interface__["data"][0] - start) % 16 for one in data} == {0}
