"""Masked means in int8: few tokens, or none, must not stop the device."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import ai_edge_route
from edgeprune.conversion.convert import converted_file
from edgeprune.conversion.ranges import collect, extremes

LENGTH = 600


@pytest.fixture(scope="module", params=["tf_keras", "keras"])
def masked_mean(request):
    keras = pytest.importorskip(request.param)
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((LENGTH,), dtype="int32"), layers.Embedding(50, 8, mask_zero=True),
        layers.GlobalAveragePooling1D(), layers.Dense(3),
    ])
    rng = np.random.default_rng(1)
    counted = np.arange(LENGTH) < rng.integers(20, LENGTH, (40, 1))
    tokens = np.where(counted, rng.integers(1, 50, counted.shape), 0)
    return model, tokens.astype(np.int32)


def few(count):
    return np.where(np.arange(LENGTH) < count, 7, 0)[None].astype(np.int32)


@pytest.mark.parametrize("route", ["tensorflow", "ai-edge-quantizer"])
def test_texts_of_one_word_or_none_run_in_int8(masked_mean, route):
    model, tokens = masked_mean
    tflite = conversion.convert(model, "int8", tokens).tflite
    if route != "tensorflow":
        if not ai_edge_route.available():
            pytest.skip("ai-edge-quantizer is not installed")
        plain = conversion.convert(model, "none")
        raw = ai_edge_route.quantize_file(plain.tflite, "int8", extremes(collect(plain.tflite, (tokens,))))
        names = [[info.name for info in infos] for infos in (plain.inputs, plain.outputs)]
        tflite = converted_file(raw, "int8", route, *names).tflite
    for count in (0, 1, 300):
        assert np.isfinite(conversion.run_tflite(tflite, few(count))).all()
    expected = model.predict(tokens, verbose=0)
    found = conversion.run_tflite(tflite, tokens)
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
