"""What counts against the limit where there are no labels."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune.conversion import Validation, convert
from edgeprune.conversion.candidates import CandidateSet


@pytest.fixture(scope="module")
def identity():
    """A file that gives back what it is given."""
    import tf_keras

    given = tf_keras.Input((3,))
    return convert(tf_keras.Model(given, tf_keras.layers.Rescaling(1.0)(given)), "none", np.zeros((1, 3)))


def lost(identity, reference, deployed):
    validation = Validation((deployed.astype(np.float32),))
    candidates = CandidateSet(reference.astype(np.float32), validation, 0.5)
    return candidates.attempt("any", lambda: identity).lost_points


def logits(margins):
    return np.stack([margins, np.zeros(len(margins)), np.full(len(margins), -50.0)], axis=1)


def test_a_chance_change_of_a_close_answer_counts_by_its_odds(identity):
    """Two answers out of 300 stand on edge: either way, one of them is what the long run changes."""
    errors = np.where(np.arange(300) % 2, 0.01, -0.01)
    margins = np.full(300, 5.0)
    margins[:2] = 0.001
    reference, changed = logits(margins), logits(margins + errors)
    errors[:2] = -0.01
    unlucky = logits(margins + errors)
    expected = 100 * (1 / 300 + 2 * np.sqrt(1 / 300 / 300))
    assert lost(identity, reference, changed) == pytest.approx(expected, rel=0.02)
    assert lost(identity, reference, unlucky) == pytest.approx(expected, rel=0.02)


def test_many_changes_count_whatever_the_errors_of_others(identity):
    """A fifth of the answers is hit by errors that the rest does not have."""
    margins = np.full(300, 5.0)
    errors = np.zeros(300)
    margins[:60], errors[:60] = 1.0, -2.0
    share = 0.2 - 2 * np.sqrt(0.2 / 300)
    found = lost(identity, logits(margins), logits(margins + errors))
    assert found == pytest.approx(100 * (share + 2 * np.sqrt(share / 300)), rel=1e-3)
