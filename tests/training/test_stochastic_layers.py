"""Weights that answer well and cannot be trained on are told from others by the model's own dropout."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

from types import SimpleNamespace

import numpy as np
import pytest

import edgeprune
from edgeprune.data.dataset import Split
from edgeprune.keras_bridge.network import network_of
from edgeprune.pipeline import tune
from edgeprune.pipeline.artifacts import Baseline
from edgeprune.pipeline.prune import pruned_model
from edgeprune.recipe import TrainSettings
from edgeprune.training.objective import training_objective
from edgeprune.training.prediction import predict
from edgeprune.training.stochastic_layers import has_stochastic_layers, predict_in_training
from edgeprune.types import OutputTask

PACKAGES = ("tf_keras", "keras")


def network(package, rate, *, normalized):
    keras = pytest.importorskip(package)
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(16, activation="relu")(inputs)
    x = layers.BatchNormalization()(x) if normalized else x
    outputs = layers.Dense(3, activation="softmax")(layers.Dropout(rate)(x))
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(2)
    model.set_weights([
        rng.uniform(0.5, 1.5, a.shape) if a.ndim == 1 else rng.normal(0, 0.7, a.shape)
        for a in model.get_weights()
    ])  # fmt: skip
    return model, rng.normal(size=(600, 6)).astype(np.float32)


@pytest.mark.parametrize("package", PACKAGES)
def test_outputs_as_training_sees_them(package):
    model, x = network(package, 0.4, normalized=True)
    before = [array.copy() for array in model.get_weights()]
    (first,) = predict_in_training(model, x, seed=3)
    (again,) = predict_in_training(model, x, seed=3)
    assert np.array_equal(first, again)
    assert first.shape == (600, 3)
    assert np.abs(first - predict(model, x)[0]).max() > 0.1
    for after, array in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(after, array)
    assert has_stochastic_layers(model)
    assert not has_stochastic_layers(network(package, 0.0, normalized=True)[0])


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("improves", [True, False])
def test_cancelling_weights_are_no_start(package, improves, monkeypatch):
    """The repaired model's last layer reads each unit twice, with weights that cancel but for what counts."""
    original, x = network(package, 0.1, normalized=False)
    result = edgeprune.prune(original, 0.5, calibration=x[:256])
    model = result.model
    predictions = predict(original, x)
    labels = predictions[0].argmax(-1)
    objective = training_objective(original, predictions, labels, 0.7)
    task = OutputTask("classes", ("accuracy",))
    data = SimpleNamespace(train=x, validation=Split(x, labels), tasks=(task,), own_metric=None)
    read = network_of(original)
    baseline = Baseline(None, original, read, result.dependencies, data, x, x, x, predictions, objective)
    context = SimpleNamespace(seed=0, strategy=None, notes=[], store=SimpleNamespace(file=lambda _: None))
    pruned, settings = pruned_model(result), TrainSettings(epochs=1)
    started = []

    def training_gives(weights):
        def fine_tune(learner, *_, **__):
            started.append(learner.get_weights())
            learner.set_weights(weights)
            return ()

        monkeypatch.setattr(tune, "fine_tune", fine_tune)
        tune.learn(baseline, pruned, settings, context, lambda _: None)

    healthy = model.get_weights()
    training_gives(healthy)
    assert all(np.array_equal(a, b) for a, b in zip(started.pop(), healthy, strict=True))
    assert context.notes == []

    # Two units alike, read with opposite signs: the same answers, hopeless under dropout.
    sick = [array.copy() for array in healthy]
    kernel, last = sick[0], sick[-2]
    kernel[:, 1], sick[1][1] = kernel[:, 0], sick[1][0]
    cancelling = np.array([500.0, -400.0, 100.0], last.dtype)  # unlike: softmax does not see what all share
    last[0] += last[1] + cancelling
    last[1] = -cancelling
    model.set_weights(sick)
    score = baseline.score(model)
    training_gives(healthy if improves else [np.zeros_like(array) for array in healthy])
    kept = result.keep[result.dependencies.groups[0].channels]
    np.testing.assert_array_equal(started.pop()[0], original.get_weights()[0][:, kept])
    assert len(context.notes) == 1
    expected = healthy if improves else sick
    assert baseline.score(model) >= score
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), expected, strict=True))
