"""Hidden neurons over the positions of each channel, as in MLP-Mixer's token mixing, go as channels do."""

import functools
import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies


def _twice(array):
    return np.concatenate([array, array], axis=-1)


def _mixer(keras_version, kind):
    """A mixer of 6 positions, 8 channels and 10 hidden neurons, all of which exist twice."""
    k = importlib.import_module(keras_version)
    layers, generator = k.layers, np.random.default_rng(0)
    inputs = k.Input((6, 5))
    x = layers.Dense(8, name="wide")(inputs)
    if kind == "EinsumDense":
        make = functools.partial(layers.EinsumDense, "btc,th->bch", (8, 10), bias_axes="h")
        hidden = make(activation="tanh", name="hidden")(x)
        mixed = layers.EinsumDense("bch,ht->btc", (6, 8), bias_axes="t", name="back")(hidden)
    else:
        options = {"kernel_size": 1} if kind == "Conv1D" else {}
        layer = functools.partial(getattr(layers, kind), **options)
        hidden = layer(10, activation="tanh", name="hidden")(layers.Permute((2, 1))(x))
        mixed = layers.Permute((2, 1), name="turned")(layer(6, name="back")(hidden))
    x = layers.GlobalAveragePooling1D()(layers.Activation("tanh")(layers.Add()([x, mixed])))
    model = k.Model(inputs, layers.Dense(3, name="out")(x))
    for name in ("wide", "hidden", "back", "out"):
        layer = model.get_layer(name)
        drawn = [generator.normal(0, 0.6, array.shape).astype("float32") for array in layer.get_weights()]
        if name in ("wide", "hidden"):
            drawn = [_twice(array[..., : array.shape[-1] // 2]) for array in drawn]
        layer.set_weights(drawn)
    return model, generator.normal(size=(200, 6, 5)).astype("float32")


@pytest.mark.parametrize(
    ("keras_version", "kind"),
    [
        ("keras", "Dense"),
        *(pytest.param(version, kind, marks=pytest.mark.heavy) for version, kind in (
            ("tf_keras", "Dense"), ("keras", "Conv1D"), ("tf_keras", "Conv1D"), ("keras", "EinsumDense"),
            ("tf_keras", "EinsumDense"),
        )),
    ],
)
def test_neurons_that_exist_twice_go_without_loss(keras_version, kind):
    """Neither choosing nor refitting mistakes one kind of neurons for the other."""
    model, x = _mixer(keras_version, kind)
    expected = np.asarray(model(x))
    for smaller in (edgeprune.prune(model, 0.5, calibration=x).model, edgeprune.shrink(model).model):
        np.testing.assert_allclose(np.asarray(smaller(x)), expected, rtol=0, atol=2e-3)
        shapes = [smaller.get_layer(name).get_weights()[0].shape for name in ("wide", "hidden", "back")]
        assert [(shape[-2], shape[-1]) for shape in shapes] == [(5, 4), (6, 5), (5, 6)]


def test_multiply_accumulates_grow_with_channels_and_hidden_neurons():
    dependencies = find_dependencies(read(_mixer("keras", "Dense")[0]).graph)
    keep = np.ones(dependencies.count, bool)
    macs = lambda channels, hidden: 6 * 5 * channels + channels * 6 * hidden * 2 + channels * 3  # noqa: E731
    assert cost(dependencies).macs == macs(8, 10)
    groups = {group.producers[0]: group.channels for group in dependencies.groups}
    keep[groups["wide"][:3]] = keep[groups["hidden"][:6]] = False
    assert cost(dependencies, keep).macs == macs(5, 4)


def test_positions_that_come_back_stay():
    dependencies = find_dependencies(read(_mixer("keras", "Dense")[0]).graph)
    sentences = [refusal.sentence for refusal in dependencies.refusals]
    assert "layer 'back' stays because layer 'turned' needs all of the positions that it makes" in sentences


def test_neurons_under_a_sliding_window_stay():
    """Efficient channel attention: a convolution over neighbouring channels."""
    keras = importlib.import_module("keras")
    inputs = keras.Input((6, 5))
    x = keras.layers.Permute((2, 1))(keras.layers.Dense(8, name="wide")(inputs))
    x = keras.layers.Conv1D(4, 3, name="window")(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    (refusal, *_) = find_dependencies(read(model).graph).refusals
    assert (refusal.layer, refusal.because_of) == ("wide", "window")
    assert refusal.reason == "slides over its neurons, so that their order counts"
