"""A training's learning rate suits its length, unless one is given."""

import types

import pytest

from edgeprune.pipeline.tune import enough_epochs, fine_tuning
from edgeprune.recipe import TrainSettings
from edgeprune.training.learning_rate import heuristic_learning_rate, learning_rate_for


def test_longer_trainings_get_a_larger_rate_up_to_a_limit():
    assert heuristic_learning_rate(150) == pytest.approx(5e-4, rel=1e-12)
    assert heuristic_learning_rate(600) == pytest.approx(1e-3, rel=1e-12)
    assert heuristic_learning_rate(10**6) == 2e-3
    assert 0 < heuristic_learning_rate(0) == heuristic_learning_rate(1) < 5e-5


@pytest.mark.parametrize(
    ("given", "expected"), [(None, heuristic_learning_rate(3 * 8)), (0.03, 0.03), (0.0, 0.0)]
)
def test_a_given_rate_counts(given, expected):
    settings = fine_tuning(TrainSettings(learning_rate=given, batch_size=128), 0, 1000, "fine_tune", epochs=3)
    assert settings.learning_rate == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
def test_a_recurrent_model_gets_a_large_rate_however_few_the_steps(flavour):
    keras = pytest.importorskip(flavour)
    frames = keras.Input((4, 3))
    plain = keras.Model(frames, keras.layers.Dense(2)(frames))
    wrapped = keras.Model(frames, keras.layers.Bidirectional(keras.layers.GRU(2))(frames))
    assert learning_rate_for(plain, 76) == heuristic_learning_rate(76)
    assert learning_rate_for(wrapped, 76) == learning_rate_for(wrapped, 1000) == 3e-3


@pytest.mark.parametrize(
    ("samples", "settings", "epochs"),
    [(2400, {}, 27), (60_000, {}, 2), (2400, {"least_steps": 0}, 2), (2400, {"epochs": 0}, 0)],
)
def test_a_recurrent_model_gets_enough_steps(samples, settings, epochs):
    keras = pytest.importorskip("keras")
    frames = keras.Input((4, 3))
    plain = keras.Model(frames, keras.layers.Dense(2)(frames))
    recurrent = keras.Model(frames, keras.layers.GRU(2)(frames))
    baseline = types.SimpleNamespace(data=types.SimpleNamespace(train=range(samples)))
    train, context = TrainSettings(**settings), types.SimpleNamespace(notes=[])
    assert enough_epochs(baseline, recurrent, train, context) == epochs
    assert len(context.notes) == (epochs == 27)
    assert enough_epochs(baseline, plain, train, context) == train.epochs
