"""Conversion of both Keras flavours against the Keras model's own outputs."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.errors import InputError, VerificationError

FLAVOURS = ("tf_keras", "keras")


def two_in_two_out(flavour):
    """Image and tokens in, two heads out: names out of alphabetical order, an int32 input."""
    keras = pytest.importorskip(flavour)
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="picture")
    tokens = keras.Input((5,), name="tokens", dtype="int32")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(image)))
    x = layers.Flatten()(layers.DepthwiseConv2D(3)(x))
    x = layers.Concatenate()([x, layers.Flatten()(layers.Embedding(20, 4)(tokens))])
    outputs = [layers.Dense(6, activation="softmax", name="kind")(x), layers.Dense(4)(x)]
    model = keras.Model([image, tokens], outputs)
    randomize(model)
    return model


def randomize(model):
    rng = np.random.default_rng(7)
    # Vectors hold variances, which are positive.
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, array.shape) if array.ndim == 1 else rng.normal(0, 0.3, array.shape)
            for array in model.get_weights()
        ]
    )


def samples(count=24):
    rng = np.random.default_rng(3)
    return rng.random((count, 16, 16, 3), dtype=np.float32), rng.integers(0, 20, (count, 5)).astype(np.int32)


@pytest.fixture(scope="module", params=FLAVOURS)
def model(request):
    return two_in_two_out(request.param)


# Largest output difference as a share of the largest output; what the rounding of each mode allows.
TOLERANCE = {"none": 1e-5, "float16": 3e-3, "dynamic": 0.03, "int8": 0.04}


@pytest.mark.parametrize("mode", TOLERANCE)
def test_every_mode_keeps_the_outputs_and_their_order(model, mode):
    x = samples()
    converted = conversion.convert(model, mode, x)
    expected = model.predict(list(x), verbose=0)
    for wanted, found in zip(expected, conversion.run_tflite(converted.tflite, x), strict=True):
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= TOLERANCE[mode] * np.abs(wanted).max()
    assert [info.name for info in converted.inputs] == ["picture", "tokens"]
    assert [info.name for info in converted.outputs] == ["kind", "output_1"]
    assert converted.inputs[0].shape == (1, 16, 16, 3)
    assert converted.inputs[1].dtype == "int32"


def test_int8_io_carries_scale_and_zero_point_and_signature(model):
    from ai_edge_litert.interpreter import Interpreter

    x = samples()
    converted = conversion.convert(model, "int8", x, "int8")
    picture, tokens = converted.inputs
    assert (picture.dtype, tokens.dtype, tokens.scale) == ("int8", "int32", 0.0)
    assert [info.dtype for info in converted.outputs] == ["int8", "int8"]
    # Pixels lie in 0..1, which int8 covers in 255 steps.
    assert picture.scale == pytest.approx(1 / 255, rel=0.01)
    assert picture.zero_point == -128
    signature = Interpreter(model_content=converted.tflite).get_signature_list()["serving_default"]
    assert signature == {"inputs": ["picture", "tokens"], "outputs": ["kind", "output_1"]}
    found = conversion.run_tflite(converted.tflite, x)[0]
    assert np.abs(found - model.predict(list(x), verbose=0)[0]).max() <= 0.04


def test_weights_are_int8_per_channel(model):
    from ai_edge_litert.interpreter import Interpreter

    converted = conversion.convert(model, "int8", samples())
    loaded = Interpreter(model_content=converted.tflite)
    kernels = [d for d in loaded.get_tensor_details() if tuple(d["shape"]) == (8, 3, 3, 3)]
    assert [d["dtype"] for d in kernels] == [np.int8]
    assert len(kernels[0]["quantization_parameters"]["scales"]) == 8


def test_same_model_gives_same_bytes(model):
    first, second = (conversion.convert(model, "int8", samples()).tflite for _ in range(2))
    assert first == second


def test_nothing_is_printed_and_nothing_is_left(model, capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    conversion.run_tflite(conversion.convert(model, "int8", samples()).tflite, samples(4))
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_errors_name_what_was_found(model):
    with pytest.raises(InputError, match="no calibration samples"):
        conversion.convert(model, "int8")
    with pytest.raises(InputError, match=r"\(16, 16, 3\)"):
        conversion.convert(model, "int8", (samples()[0][:, :8], samples()[1]))
    with pytest.raises(InputError, match="int4"):
        conversion.convert(model, "int4")
    with pytest.raises(InputError, match="cannot load"):
        conversion.run_tflite(b"nonsense", samples())


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_open_sizes_are_those_of_the_samples(flavour):
    keras = pytest.importorskip(flavour)
    inputs = keras.Input((None, None, 3), name="picture")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="kind")(x))
    with pytest.raises(InputError, match="None"):
        conversion.convert(model, "none")
    x = np.random.default_rng(4).random((8, 12, 10, 3), dtype=np.float32)
    expected = model.predict(x, verbose=0)
    for mode in ("none", "int8"):
        converted = conversion.convert(model, mode, x)
        assert converted.inputs[0].shape == (1, 12, 10, 3)
        found = conversion.run_tflite(converted.tflite, x)
        assert np.abs(found - expected).max() <= TOLERANCE[mode] * np.abs(expected).max()
    with pytest.raises(InputError, match=r"\(12, 10\)"):
        conversion.convert(model, "int8", x[..., 0])


def test_parity_counts_answers_and_differences():
    reference = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    deployed = reference.copy()
    deployed[2] = [0.4, 0.6]
    result = conversion.parity(reference, deployed, np.array([0, 1, 0, 0]))
    assert result.agreement_fraction == 0.75
    assert result.max_abs_difference == pytest.approx(0.2, abs=1e-7)
    assert (result.reference_metric, result.deployed_metric) == (0.75, 0.5)
    assert result.drop_fraction == 0.25
    # One of four: the next four may well have none. Of forty times as many it is certain.
    result.require(0.5)
    repeated = [array.repeat(40, 0) for array in (reference, deployed, np.array([0, 1, 0, 0]))]
    many = conversion.parity(*repeated)
    with pytest.raises(VerificationError, match=r"25\.00 points of accuracy"):
        many.require(0.5)
    conversion.parity(reference, reference).require(0.0)


def test_parity_of_regressions_is_explained_variance():
    reference = np.array([[1.0], [2.0], [3.0]])
    # Squares about the mean sum to 2, of the error to 0.02.
    result = conversion.parity(reference, np.array([[1.1], [2.0], [3.1]]), kinds=("values",))
    assert result.agreement_fraction == pytest.approx(0.99, abs=1e-12)


def test_parity_refuses_outputs_that_are_not_finite():
    with pytest.raises(VerificationError, match="not finite"):
        conversion.parity(np.ones((2, 2)), np.full((2, 2), np.nan)).require(100)


def test_parity_of_several_outputs_is_that_of_the_worst():
    kinds = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    values = np.array([[1.0], [2.0], [3.0]])
    # Squares about the mean sum to 2, of the error to 0.5.
    shifted = values + np.array([[0.5], [0.0], [-0.5]])
    result = conversion.parity((kinds, values), (kinds, shifted), np.array([0, 1, 0]))
    assert (result.agreement_fraction, result.metric_drop_fraction) == (1.0, 0.0)
    assert result.drop_fraction == pytest.approx(0.25, abs=1e-12)
    with pytest.raises(VerificationError, match=r"25\.00 points of output 1/variance"):
        result.require(0.5)


def test_parity_of_a_constant_output_is_relative_to_its_value():
    constant = np.full((4, 1), 10.0)
    result = conversion.parity(constant, constant + 0.1, kinds=("values",))
    assert result.agreement_fraction == pytest.approx(1 - 1e-4, abs=1e-9)


def test_not_finite_outputs_lose_everything():
    broken = conversion.parity(np.eye(3), np.where(np.eye(3) > 0, np.nan, 0.0), np.arange(3))
    assert broken.drop_fraction == 1.0
