"""How far apart outputs are, and whether they are the same."""

import numpy as np
import pytest

from edgeprune.errors import VerificationError
from edgeprune.pruning.divergence import divergence, entropy
from edgeprune.pruning.equivalence import compare


def test_one_sample_has_a_size_but_no_variance():
    x = np.full((1, 3), 2.0)
    assert divergence([x], [x * 1.1]) == pytest.approx(0.5 * 0.01)
    assert divergence([x.repeat(5, axis=0)], [x.repeat(5, axis=0) * 1.1]) == pytest.approx(0.5 * 0.01)


def test_outputs_are_compared_where_they_are_finite():
    x = np.array([[1.0, np.inf, 2.0]])
    assert compare([x], [x + 1e-5]).holds
    assert not compare([x], [np.array([[1.0, 3.0, 2.0]])]).holds
    assert not compare([x], [np.array([[np.nan, np.inf, 2.0]])]).holds
    with pytest.raises(VerificationError, match="NaN or infinite"):
        compare([x * np.nan], [x * np.nan])


def test_entropy_is_that_of_distributions_alone():
    even, sure = np.full((3, 4), 0.25), np.eye(4)[:3]
    assert entropy([even]) == pytest.approx(np.log(4), abs=1e-6)
    assert entropy([sure]) == pytest.approx(0, abs=1e-6)
    assert entropy([even, sure, np.ones((3, 2))]) == pytest.approx(np.log(4) / 2, abs=1e-6)
    assert entropy([np.ones((3, 2))]) == 0
