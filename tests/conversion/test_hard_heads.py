"""Outputs and inputs of very different scales: every column keeps float's accuracy on unseen samples."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import QuantizeOptions, Validation, flatfile, quantize
from edgeprune.conversion.float_regions import branches, float_operators
from edgeprune.errors import InputError

MEAN = np.array([0, 1e4, -3e3, 5.0, 1e-3, 100.0])
SPREAD = np.array([1.0, 1e3, 1e4, 2.0, 1e-4, 50.0])


def pictures(count, seed):
    rng = np.random.default_rng(seed)
    return (rng.random((count, 12, 12, 3)) * rng.random((count, 1, 1, 3)) * 2).astype(np.float32)


def unscaled(count, seed):
    return (np.random.default_rng(seed).normal(size=(count, 6)) * SPREAD + MEAN).astype(np.float32)


def r2_of_columns(exact, found):
    """Independent: R² of each column by its own variance."""
    axes = tuple(range(exact.ndim - 1))
    return 1 - np.square(exact - found).sum(axes) / np.square(exact - exact.mean(axis=0)).sum(axes)


def boxes_and_scores():
    """Boxes of hundreds of pixels beside class scores, in one Dense layer."""
    import tf_keras

    layers = tf_keras.layers
    given = layers.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="first")(given)
    x = layers.Dense(24, "relu", name="inner")(layers.GlobalAveragePooling2D()(x))
    last = layers.Dense(7, name="boxes_and_scores")
    model = tf_keras.Model(given, last(x))
    kernel, bias = last.get_weights()
    kernel[:, :4] *= 600
    last.set_weights([kernel, bias])
    return model


def normalization_inside():
    import tf_keras

    layers = tf_keras.layers
    given = layers.Input((6,))
    x = layers.Normalization(mean=MEAN, variance=np.square(SPREAD), name="scaling")(given)
    x = layers.Dense(24, "relu", name="first")(x)
    return tf_keras.Model(given, layers.Dense(1, name="value")(layers.Dense(12, "relu", name="second")(x)))


@pytest.mark.parametrize(("build", "draw"), [(boxes_and_scores, pictures), (normalization_inside, unscaled)])
def test_what_int8_loses_at_the_ends_stays_float(build, draw):
    model = build()
    done = quantize(model, QuantizeOptions(), draw(150, 1), Validation((draw(200, 2),), kinds=("values",)))
    steps = {step.name: step for step in done.attempts}
    assert steps["int8"].drop_points > 50
    chosen = next(step for step in done.attempts if step.chosen)
    assert chosen.name.endswith("operators in float")
    unseen = draw(300, 3)
    found = conversion.run_tflite(done.result.tflite, unseen)
    assert r2_of_columns(model.predict(unseen, verbose=0), found).min() > 0.99
    assert len(done.result.tflite) < 1.2 * steps["int8"].runnable_bytes


def test_integers_only_or_a_refusal_that_names_what_is_left():
    model, validation = boxes_and_scores(), Validation((pictures(100, 2),), kinds=("values",))
    options = QuantizeOptions(io="int8", integer_only=True, max_quantization_drop=1e5)
    done = quantize(model, options, pictures(100, 1), validation)
    kinds = {info.dtype for info in (*done.result.inputs, *done.result.outputs)}
    assert kinds == {"int8"}
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(done.result.operators)
    with pytest.raises(InputError, match=r"operators stay float: QUANTIZE|stay float: .*DEQUANTIZE"):
        quantize(model, QuantizeOptions(integer_only=True), pictures(100, 1), validation)


def test_a_branch_is_what_leads_to_one_input_of_a_join_alone():
    import tf_keras

    layers = tf_keras.layers
    given = layers.Input((4,))
    x = layers.Dense(5, "relu", name="shared")(given)
    wide = layers.Dense(4, name="wide_2")(layers.Dense(6, "relu", name="wide_1")(x))
    small = layers.Dense(3, "tanh", name="small_2")(layers.Dense(2, "tanh", name="small_1")(x))
    model = tf_keras.Model(given, layers.Concatenate(name="both")([wide, small]))
    tflite = conversion.convert(model, "none").tflite
    found = [{name.split("/")[1] for name in region} for region in branches(tflite)]
    assert {"wide_1", "wide_2"} in found
    assert {"small_1", "small_2"} in found
    assert not any("shared" in region for region in found)
    assert len(float_operators(tflite)) == len(flatfile.named_operators(flatfile.parse(tflite)))
