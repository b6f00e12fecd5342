import numpy as np
import pytest

from edgeprune.conversion.convert import convert
from edgeprune.conversion.frontend import embed, split_steps
from edgeprune.conversion.litert import run_tflite
from edgeprune.data.speech import front_end, standardized
from edgeprune.errors import InputError
from edgeprune.preprocessing import apply
from edgeprune_models import find


@pytest.fixture(scope="module")
def clips():
    """Clips of half a second at 8 kHz: tones of all loudnesses in noise, and digital silence."""
    rng = np.random.default_rng(8)
    time = np.arange(4000) / 8000
    tones = np.sin(2 * np.pi * rng.uniform(100, 3500, (12, 1)) * time) * 10 ** rng.uniform(1, 4.4, (12, 1))
    noisy = tones + rng.normal(size=tones.shape) * 10 ** rng.uniform(0, 2, (12, 1))
    return np.concatenate([noisy, np.zeros((1, 4000))]).astype(np.int16)


@pytest.mark.parametrize("coefficients", [None, 13])
@pytest.mark.parametrize(
    ("model", "mode", "io"),
    [
        ("speech-dnn", "none", "float"), ("speech-dnn", "int8", "int8"), ("crnn", "dynamic", "float"),
    ],
)
def test_both_paths_agree(clips, coefficients, model, mode, io):
    steps = standardized(front_end(8000, coefficients=coefficients), clips)
    features = apply(steps, clips)
    network = find(model).build(features.shape[1:], 5, seed=6)
    converted = convert(network, mode, features, io)
    outside, inside = split_steps([{"op": "pad_or_crop", "samples": 4000}, *steps])
    assert [step["op"] for step in outside] == ["pad_or_crop"]
    whole = embed(converted, inside, 4000)
    assert whole.inputs[0].dtype == "int16"
    assert whole.inputs[0].shape == (1, 4000)
    assert not any("Flex" in name or name == "CUSTOM" for name in whole.operators)
    got, expected = run_tflite(whole.tflite, clips), run_tflite(converted.tflite, features)
    # int8: features that fall between two levels may round either way.
    tolerance = 1e-4 if mode != "int8" else 0.02
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)
    assert np.ptp(expected, axis=0).max() > tolerance


def test_features_of_another_shape_are_refused(clips):
    steps = standardized(front_end(8000), clips)
    converted = convert(find("speech-dnn").build((30, 40), 5, seed=6), "none")
    with pytest.raises(InputError, match=r"\[1, 24, 40\].*\[1, 30, 40\]"):
        embed(converted, steps, 4000)


def test_text_cannot_be_embedded():
    converted = convert(find("text-bag").build((8,), 5, seed=6, vocabulary=20), "none")
    outside, inside = split_steps([{"op": "tokenize", "kind": "word", "length": 8}])
    assert (len(outside), inside) == (1, ())
    with pytest.raises(InputError, match="0 steps that can be embedded"):
        embed(converted, inside, 8)
