"""A large model is converted by another process, to the same bytes; what happens to that one is a refusal."""

import os
import signal

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import converter_process
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.quantize import quantize
from edgeprune.errors import InputError, UnsupportedLayerError

X = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch):
    monkeypatch.setattr(converter_process, "MOST_INSIDE_BYTES", 0)
    yield
    converter_process.end_worker()


def _model(k):
    k.utils.set_random_seed(1)
    image = k.Input((8, 8, 3), name="image")
    y = k.layers.BatchNormalization()(k.layers.Conv2D(6, 3, activation="relu")(image))
    y = k.layers.Flatten()(k.layers.DepthwiseConv2D(3)(y))
    heads = [k.layers.Dense(4, activation="softmax", name="z")(y), k.layers.Dense(2, name="a")(y)]
    return k.Model(image, heads)


def _kill_before(monkeypatch, mode, how):
    """Ends the worker by a signal as soon as it is asked for a mode."""
    ask = converter_process.ConverterWorker.ask

    def killed(worker, request):
        if request["mode"] == mode:
            os.kill(worker.pid, how)
        return ask(worker, request)

    monkeypatch.setattr(converter_process.ConverterWorker, "ask", killed)


@pytest.mark.heavy
@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
def test_both_processes_give_the_same_bytes(flavour, monkeypatch):
    model = _model(pytest.importorskip(flavour))
    inside_worker = {mode: conversion.convert(model, mode, X).tflite for mode in conversion.MODES}
    monkeypatch.setattr(converter_process, "MOST_INSIDE_BYTES", 1e12)
    for mode, file in inside_worker.items():
        assert file == conversion.convert(model, mode, X).tflite, mode


@pytest.mark.heavy
@pytest.mark.parametrize("how", [signal.SIGABRT, signal.SIGKILL])
def test_a_crash_is_a_refused_candidate_and_the_next_one_is_made(how, monkeypatch):
    model = _model(pytest.importorskip("keras"))
    _kill_before(monkeypatch, "int8", how)
    found = quantize(model, QuantizeOptions(max_quantization_drop=100.0), X, Validation((X,)))
    refused, *others = found.attempts
    assert (refused.verdict, refused.runnable_bytes) == ("refused", None)
    assert f"crashed on this model ({how.name})" in refused.detail
    assert any(one.chosen for one in others)
    assert len(conversion.convert(model, "dynamic").tflite) > 1000


@pytest.mark.heavy
def test_a_refusal_in_the_worker_names_the_layer(monkeypatch):
    keras = pytest.importorskip("keras")
    tensorflow = pytest.importorskip("tensorflow")
    data = keras.Input((4,))
    odd = keras.layers.Lambda(tensorflow.math.erfinv, name="erfinv")
    model = keras.Model(data, odd(keras.layers.Dense(4)(data)))
    with pytest.raises(UnsupportedLayerError, match="Erfinv in layer 'erfinv'"):
        conversion.convert(model, "none")
    _kill_before(monkeypatch, "none", signal.SIGKILL)
    with pytest.raises(InputError, match="too little memory"):
        conversion.convert(model, "none")
