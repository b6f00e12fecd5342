"""Targets of distillation against their definition."""

import numpy as np
import pytest

from edgeprune.training.targets import loss_value, mix

rng = np.random.default_rng(7)


def probabilities(*shape):
    raw = rng.uniform(0.1, 1, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype(np.float32)


def test_classes_mix_the_original_with_the_labels():
    answers, labels = probabilities(5, 4), np.array([0, 3, 1, 2, 2])
    targets = mix(answers, labels, 0.7)
    wanted = 0.7 * answers
    wanted[np.arange(5), labels] += 0.3
    np.testing.assert_allclose(targets.values, wanted, rtol=1e-6)
    assert targets.loss == "categorical"
    assert targets.weights is None


def test_a_label_of_minus_one_counts_nothing():
    answers, labels = probabilities(3, 2, 4), np.array([[0, -1], [2, 3], [-1, -1]])
    targets = mix(answers, labels, 0.5)
    np.testing.assert_array_equal(targets.weights, [[1, 0], [1, 1], [0, 0]])


def test_one_sigmoid_unit_is_binary():
    answers = rng.uniform(0.1, 0.9, (6, 1)).astype(np.float32)
    targets = mix(answers, np.array([0, 1, 1, 0, 1, 0]), 0.25)
    assert targets.loss == "binary"
    np.testing.assert_allclose(targets.values[1, 0], 0.25 * answers[1, 0] + 0.75, rtol=1e-6)


def test_labels_that_do_not_align_leave_the_original_alone():
    answers = probabilities(3, 7, 5)
    np.testing.assert_array_equal(mix(answers, np.array([[1, 2], [0, -1], [3, 3]]), 0.5).values, answers)


@pytest.mark.parametrize("loss", ["categorical", "binary", "squared"])
def test_the_loss_is_that_of_keras(loss):
    import tf_keras

    from edgeprune.training.targets import keras_loss

    answers = {
        "categorical": probabilities(9, 4),
        "binary": rng.uniform(0.1, 0.9, (9, 1)).astype(np.float32),
        "squared": rng.normal(size=(9, 3)).astype(np.float32),
    }[loss]
    outputs = answers[::-1]
    targets = mix(answers, None, 1.0)
    assert targets.loss == loss
    expected = float(keras_loss(tf_keras, loss)(targets.values, outputs))
    assert loss_value(targets, outputs) == pytest.approx(expected, rel=1e-5)
