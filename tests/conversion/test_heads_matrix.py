"""Thirty kinds of outputs and inputs, each by three routes, judged on samples that no build saw.

Either every output and column keeps what the float model gives, or the validation says which one does not: a
file that loses without a word is the fault that this test is for.
"""

import itertools
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import QuantizeOptions, Validation, quantize
from edgeprune.conversion.scores import as_arrays
from edgeprune.errors import VerificationError

pytestmark = pytest.mark.heavy

SCALES = {"alike": (1.0, 1.0), "hundreds": (640.0, 1.0), "thousands_apart": (3000.0, 0.3)}
BODIES = ("dense", "picture", "unscaled", "signal", "dense_map")


def drawn(body, count, seed):
    rng = np.random.default_rng(seed)
    if body in ("picture", "dense_map"):
        return (rng.random((count, 12, 12, 3)) * rng.random((count, 1, 1, 3)) * 2).astype(np.float32)
    if body == "signal":
        # Bounded: what a sample beyond the calibration's range loses by clipping is luck.
        return ((rng.random((count, 24, 4)) - 0.5) * rng.random((count, 1, 4))).astype(np.float32)
    x = rng.normal(size=(count, 6))
    if body == "unscaled":
        x = x * [1, 1e3, 1e4, 2, 1e-4, 50] + [0, 1e4, -3e3, 5, 1e-3, 100]
    return x.astype(np.float32)


def head(layers, kind, x, scales):
    """Two parts of different scale: in one layer, joined from two branches, or as two outputs."""
    large, small = scales
    if kind == "one_layer":
        return layers.Dense(5, name="together")(x)
    parts = [
        layers.Rescaling(large, name="large_scaled")(layers.Dense(3, "tanh", name="large")(x)),
        layers.Rescaling(small, name="small_scaled")(layers.Dense(2, "sigmoid", name="small")(x)),
    ]
    return parts if kind == "two_outputs" else layers.Concatenate(name="joined")(parts)


def model_of(keras, body, kind, scales):
    keras.utils.set_random_seed(11)
    layers = keras.layers
    shape = {"picture": (12, 12, 3), "dense_map": (12, 12, 3), "signal": (24, 4)}.get(body, (6,))
    given = layers.Input(shape)
    if body == "unscaled":
        mean, variance = [0, 1e4, -3e3, 5, 1e-3, 100], [1, 1e6, 1e8, 4, 1e-8, 2500]
        x = layers.Normalization(mean=mean, variance=variance)(given)
    elif body == "signal":
        x = layers.GlobalAveragePooling1D()(layers.Conv1D(12, 3, activation="relu")(given))
    elif body == "dense_map":
        x = layers.Conv2D(12, 3, padding="same", activation="relu", strides=2)(given)
    elif body == "picture":
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 3, activation="relu")(given))
    else:
        x = given
    x = layers.Dense(16, "relu")(layers.Dense(24, "relu")(x))
    outputs = head(layers, kind, x, scales)
    model = keras.Model(given, outputs)
    if kind == "one_layer":
        layer = model.get_layer("together")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * np.repeat(scales, (3, 2)), bias])
    return model


def r2_of_columns(exact, found):
    axes = tuple(range(exact.ndim - 1))
    return 1 - np.square(exact - found).sum(axes) / np.square(exact - exact.mean(axis=0)).sum(axes)


CASES = [
    *itertools.product(BODIES, ("one_layer", "joined"), SCALES),
    *itertools.product(BODIES[:4], ("two_outputs",), ("hundreds",)),
]


def kept_or_told(model, x, validation, calibration):
    """Runs all routes; counts those that kept every column. Raises where one loses without a word."""
    exact = as_arrays(model.predict(x if len(x) > 1 else x[0], verbose=0))
    judged, kept = Validation(validation, kinds=("values",) * len(exact)), 0
    for mode in ("int8", "dynamic", "float16"):
        done = quantize(model, QuantizeOptions(mode), calibration, judged)
        try:
            done.validation.require(0.5, mode)
        except VerificationError as refusal:
            told = str(refusal)
        else:
            told = ""
        if told:
            assert done.validation.worst.name in told
            continue
        found = as_arrays(conversion.run_tflite(done.result.tflite, x))
        worst = min(r2_of_columns(one, two).min() for one, two in zip(exact, found, strict=True))
        assert worst > 0.99, (mode, [(step.name, step.drop_points) for step in done.attempts])
        kept += 1
    return kept


@pytest.mark.parametrize(("body", "kind", "scales"), CASES)
def test_unseen_columns_keep_what_float_gives_or_the_loss_is_told(body, kind, scales):
    import keras
    import tf_keras

    version = keras if CASES.index((body, kind, scales)) % 2 else tf_keras
    model = model_of(version, body, kind, SCALES[scales])
    kept_or_told(model, (drawn(body, 300, 3),), (drawn(body, 200, 2),), (drawn(body, 150, 1),))


def pictures(count, seed, channels):
    """Soft blobs of any brightness, with noise."""
    rng = np.random.default_rng(seed)
    place, at = np.arange(16), rng.random((count, 2, 1)) * 16
    down, right = (np.exp(-np.square(place - at[:, axis]) / 8) for axis in (0, 1))
    blob = (down[:, :, None] * right[:, None])[..., None] * rng.random((count, 1, 1, channels))
    return (blob + 0.05 * rng.normal(size=(count, 16, 16, channels))).astype(np.float32)


def grid_head(layers):
    """As of YOLO: for each cell two offsets, width and height in pixels, objectness and two classes."""
    given = layers.Input((16, 16, 3))
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(given)
    x = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu")(x)
    places = layers.Conv2D(2, 1, activation="sigmoid")(x)
    sizes = layers.Rescaling(100.0)(layers.Conv2D(2, 1, activation="softplus")(x))
    scores = layers.Conv2D(3, 1, activation="sigmoid")(x)
    return given, layers.Concatenate()([places, sizes, scores]), 3


def grey_unet(layers):
    given = layers.Input((16, 16, 1))
    fine = layers.Conv2D(8, 3, padding="same", activation="relu")(given)
    coarse = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(fine))
    x = layers.Concatenate()([layers.UpSampling2D()(coarse), fine])
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return given, layers.Conv2D(1, 1, activation="sigmoid")(x), 1


def denoiser(layers):
    """The input less the noise that was found."""
    given = layers.Input((16, 16, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(given)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return given, layers.Subtract()([given, layers.Conv2D(1, 3, padding="same")(x)]), 1


@pytest.mark.parametrize("version", ["keras", "tf_keras"])
@pytest.mark.parametrize("build", [grid_head, grey_unet, denoiser])
def test_maps_keep_what_float_gives(build, version):
    keras = pytest.importorskip(version)
    keras.utils.set_random_seed(4)
    given, output, channels = build(keras.layers)
    model = keras.Model(given, output)
    unseen, validation, calibration = ((pictures(60, seed, channels),) for seed in (3, 2, 1))
    assert kept_or_told(model, unseen, validation, calibration) == 3


@pytest.mark.parametrize("version", ["keras", "tf_keras"])
def test_inputs_by_name_are_never_mixed_up(version):
    """Two of one shape, a thousand times apart, named against their order."""
    keras = pytest.importorskip(version)
    keras.utils.set_random_seed(4)
    layers = keras.layers
    wide, small = layers.Input((5,), name="wide"), layers.Input((5,), name="a_small")
    x = layers.Concatenate()([layers.Rescaling(1e-3)(wide), layers.Dense(5, "tanh")(small)])
    model = keras.Model({"wide": wide, "a_small": small}, layers.Dense(2)(layers.Dense(16, "relu")(x)))

    def samples(count, seed):
        rng = np.random.default_rng(seed)
        of = {"wide": rng.uniform(-1e3, 1e3, (count, 5)), "a_small": rng.uniform(-1, 1, (count, 5))}
        return tuple(of[tensor.name.partition(":")[0]].astype(np.float32) for tensor in model.inputs)

    unseen, validation, calibration = samples(300, 3), samples(200, 2), samples(150, 1)
    named = {tensor.name.partition(":")[0]: one for tensor, one in zip(model.inputs, unseen, strict=True)}
    exact = model.predict(named, verbose=0)
    judged = Validation(validation, kinds=("values",))
    for mode in ("int8", "dynamic", "float16"):
        done = quantize(model, QuantizeOptions(mode), calibration, judged)
        by_name = tuple(named[info.name] for info in done.result.inputs)
        found = conversion.run_tflite(done.result.tflite, by_name)
        # Mixed up, the one would be nothing and the other beyond every range: far below 0.
        assert r2_of_columns(exact, found).min() > 0.97, mode


def test_every_head_above_is_kept_by_int8():
    """So that the loop above is not passed by refusing."""
    import tf_keras

    kept = 0
    for body, kind, scales in CASES[::5]:
        model = model_of(tf_keras, body, kind, SCALES[scales])
        outputs = len(model.outputs)
        validation = Validation((drawn(body, 200, 2),), kinds=("values",) * outputs)
        done = quantize(model, QuantizeOptions(), drawn(body, 150, 1), validation)
        kept += done.validation.drop_fraction <= 0.005
    assert kept == len(CASES[::5])
