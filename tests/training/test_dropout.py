"""A pruned model trains at dropout rates that suit its width, and keeps its configuration."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

from types import SimpleNamespace

import numpy as np
import pytest

import edgeprune
from edgeprune.keras_bridge.network import network_of
from edgeprune.pipeline.tune import learn
from edgeprune.recipe import TrainSettings
from edgeprune.training.dropout import scaled_dropout
from edgeprune.training.objective import training_objective
from edgeprune.training.prediction import predict


def network(package):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(4)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.SpatialDropout2D(0.4, name="seen")(layers.Conv2D(6, 3, activation="relu", name="conv")(inputs))
    x = layers.Dropout(0.2, name="flat")(layers.Flatten()(layers.MaxPooling2D(2)(x)))
    x = layers.Dense(8, activation="relu", name="dense")(x)
    inner = keras.Sequential([layers.Input((8,)), layers.Dropout(0.5, name="inside")], name="nested")
    x = inner(x)
    outputs = layers.Dense(4, activation="softmax", name="last")(x)
    return keras.Model(inputs, layers.Dropout(0.1, name="whole")(outputs))


def rates(model):
    return {layer.name: layer.rate for layer in model._flatten_layers() if hasattr(layer, "rate")}


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_rates_fall_by_the_share_of_what_each_layer_sees(package):
    original = network(package)
    model = edgeprune.prune(original, 0.35, ratios={"conv": 0.5, "dense": 0.25}).model
    before = rates(model)
    assert before == rates(original) == {"seen": 0.4, "flat": 0.2, "inside": 0.5, "whole": 0.1}
    with scaled_dropout(model, network_of(original).graph):
        # Half of the convolution's channels, which are half of what is flat; 6 of 8; the outputs stay.
        assert rates(model) == pytest.approx(
            {"seen": 0.2, "flat": 0.1, "inside": 0.375, "whole": 0.1}, rel=1e-12
        )
        assert rates(original) == before
    assert rates(model) == before


def test_they_hold_while_training_goes_on():
    original = network("tf_keras")
    x = np.random.default_rng(6).normal(size=(40, 8, 8, 3)).astype(np.float32)
    model = edgeprune.prune(original, 0.35, ratios={"conv": 0.5, "dense": 0.25}, calibration=x).model
    answers, seen = predict(original, x), []
    labels = answers[0].argmax(-1)
    baseline = SimpleNamespace(
        model=original, network=network_of(original),
        objective=training_objective(original, answers, labels, 0.5),
        epochs=lambda *_: [(x, labels, None)],
        score=lambda trained: seen.append(rates(trained)) or 0.0,
        data=SimpleNamespace(train=x),
        validation=x,
        predictions=answers,
        score_of=lambda _: -np.inf,
    )
    context = SimpleNamespace(seed=0, strategy=None, store=SimpleNamespace(file=lambda _: None))
    pruned = SimpleNamespace(model=model, keep=np.zeros(1, bool))
    learn(baseline, pruned, TrainSettings(epochs=1, batch_size=20), context, lambda _: None)
    expected = pytest.approx({"seen": 0.2, "flat": 0.1, "inside": 0.375, "whole": 0.1}, rel=1e-12)
    assert seen == [expected, expected]  # before the epoch and after it
    assert rates(model) == rates(original)
