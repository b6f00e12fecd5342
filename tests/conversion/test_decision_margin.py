"""The share of answers that change, against the one of a hundred times as many samples."""

import numpy as np
import pytest

from edgeprune.conversion.decision_margin import changed_fraction


def answers(count, seed):
    """Logits of five classes, and the same with errors."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, 5))
    return logits, logits + rng.normal(0, 0.1, logits.shape)


def softmax(logits):
    parts = np.exp(logits)
    return parts / parts.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("form", [softmax, lambda logits: logits])
def test_few_samples_tell_what_many_do(form):
    many, noisy = answers(200_000, 0)
    true = np.mean(many.argmax(-1) != noisy.argmax(-1))
    found = [changed_fraction(*map(form, answers(300, seed))) for seed in range(1, 21)]
    counted = [np.mean(np.not_equal(*(one.argmax(-1) for one in answers(300, s)))) for s in range(1, 21)]
    assert np.mean(found) == pytest.approx(true, rel=0.1)
    assert np.std(found) < 0.6 * np.std(counted)


def test_one_score_and_a_dimension_of_tokens():
    logits, noisy = answers(600, 3)
    two, found = (softmax(one[:, :2]) for one in (logits, noisy))
    expected = changed_fraction(two, found)
    assert 0 < expected < 0.1
    assert changed_fraction(two[:, :1], found[:, :1]) == pytest.approx(expected, rel=1e-6)
    assert changed_fraction(two[:, 0], found[:, 0]) == pytest.approx(expected, rel=1e-6)
    assert changed_fraction(two.reshape(30, 20, 2), found.reshape(30, 20, 2)) == expected


def test_equal_outputs_change_nothing():
    logits, _ = answers(50, 4)
    assert changed_fraction(logits, logits) == 0
    assert changed_fraction(softmax(logits), softmax(logits)) == 0
