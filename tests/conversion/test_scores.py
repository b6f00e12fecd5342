"""Every output and every column is judged by itself, and how sure a score is."""

import numpy as np
import pytest

from edgeprune.conversion.parity import parity
from edgeprune.conversion.scores import Scorer, column_errors, relative_error
from edgeprune.errors import VerificationError


def test_a_small_column_beside_a_large_one_names_itself():
    rng = np.random.default_rng(1)
    reference = rng.normal(size=(200, 3)) * [1000.0, 1.0, 0.3]
    deployed = reference + rng.normal(size=(200, 3)) * [1.0, 0.01, 0.3]
    found = parity(reference, deployed, kinds=("values",))
    # Independent: R² of each column by its own variance.
    expected = 1 - np.square(deployed - reference).sum(0) / np.square(reference - reference.mean(0)).sum(0)
    assert [part.deployed for part in found.parts] == pytest.approx(list(expected), abs=1e-9)
    assert found.worst.name == "variance of column 2"
    assert found.drop_fraction > 0.8
    with pytest.raises(VerificationError, match="variance of column 2"):
        found.require(0.5)


def test_channels_of_images_are_columns_by_position_means():
    rng = np.random.default_rng(2)
    reference = rng.normal(size=(300, 4, 4, 2)) * [50.0, 0.1] + rng.normal(size=(4, 4, 2)) * 5
    deployed = reference + rng.normal(size=reference.shape) * 0.05
    lost, total = column_errors(reference, deployed)
    about = np.square(reference - reference.mean(0)).sum((0, 1, 2))
    np.testing.assert_allclose(total.sum(0), about, rtol=1e-9)
    np.testing.assert_allclose(lost.sum(0), np.square(deployed - reference).sum((0, 1, 2)), rtol=1e-9)


def test_very_many_columns_are_judged_by_scale():
    rng = np.random.default_rng(3)
    scales = np.where(np.arange(200) < 3, 0.001, 1.0)
    reference = rng.normal(size=(100, 200)) * scales
    found = parity(reference, reference + rng.normal(size=(100, 200)) * 0.001, kinds=("values",))
    assert 2 <= len(found.parts) <= 6
    assert found.worst.name.endswith("columns such as 0")
    assert found.worst.drop > 0.5


def test_a_column_of_zeros_is_compared_by_the_largest_column():
    reference = np.random.default_rng(4).normal(size=(50, 2)) * [1.0, 0.0]
    assert parity(reference, reference + np.array([0.0, 1e-3]), kinds=("values",)).drop_fraction < 1e-5
    assert parity(reference, reference + np.array([0.0, 1.0]), kinds=("values",)).drop_fraction > 0.5


def test_the_standard_error_is_that_of_repeated_draws():
    """Of two models that answer alike on 97 % of samples, by drawing many sets of samples."""
    rng = np.random.default_rng(5)

    def drop_and_error(size):
        y = rng.integers(0, 2, size)
        reference, deployed = y.copy(), y.copy()
        turned = rng.random(size)
        reference[turned < 0.01] ^= 1
        deployed[turned > 0.98] ^= 1
        part = parity(np.eye(2)[reference], np.eye(2)[deployed], y).parts[0]
        return part.drop, part.standard_error

    drops, errors = np.transpose([drop_and_error(400) for _ in range(300)])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(drops.std(), rel=0.15)


def test_every_output_of_classes_without_labels_counts():
    rng = np.random.default_rng(6)
    one, two = rng.normal(size=(2, 100, 4))
    turned = np.where(np.arange(100)[:, None] < 30, -two, two)
    names = ("kind", "colour")
    found = parity(
        (one, two), (one, turned), kinds=("classes", "classes"), labelled=(False, False), names=names
    )
    changed = np.mean(two.argmax(-1) != turned.argmax(-1))
    assert found.worst.name == "colour/agreement"
    assert found.drop_fraction == pytest.approx(changed)


def test_a_bias_is_no_relative_error_and_the_worst_column_counts():
    rng = np.random.default_rng(7)
    reference = rng.normal(size=(100, 2)) * [100.0, 1.0]
    noise = rng.normal(size=(100, 2)) * [0.1, 0.1]
    noise -= noise.mean(0)
    found = relative_error((reference,), (reference + noise + 5.0,), ("values",))
    assert found == pytest.approx(noise[:, 1].std() / reference[:, 1].std(), rel=1e-6)


def test_scores_of_a_task_lead_and_columns_follow():
    reference = np.random.default_rng(8).normal(size=(40, 2))
    scorer = Scorer((reference,), ("values",), lambda _, rows: {"r2": float(len(rows))}, (), (True,))
    assert scorer.reference.names == ("r2", "variance of column 0", "variance of column 1")
    assert scorer.reference.of_task == 1
    assert scorer.reference.without[:, 0].tolist() == [36.0] * 10


def test_a_column_that_was_not_learned_is_judged_by_the_spread_of_its_labels():
    random = np.random.default_rng(4)
    labels = random.normal(size=(200, 2)) * [3, 0.5]
    reference = np.stack([labels[:, 0] + random.normal(size=200) * 0.1, np.full(200, 0.2)], 1)
    reference[:, 1] += random.normal(size=200) * 0.01  # almost the same for every sample
    deployed = reference + random.normal(size=(200, 2)) * [0.3, 0.005]
    lost = np.square(deployed - reference).sum(axis=0)
    varies = np.square(reference - reference.mean(axis=0)).sum(axis=0)
    alone = parity(reference, deployed, kinds=("values",))
    np.testing.assert_allclose([part.drop for part in alone.parts], lost / varies, rtol=1e-9)
    judged = parity(reference, deployed, kinds=("values",), label_variances=(labels.var(axis=0),))
    expected = lost / np.maximum(varies, 200 * labels.var(axis=0))
    np.testing.assert_allclose([part.drop for part in judged.parts], expected, rtol=1e-9)
    assert judged.parts[1].drop < 0.001
    assert alone.parts[1].drop > 0.2


def test_random_outputs_are_judged_by_nothing():
    rng = np.random.default_rng(4)
    steady, drawn, other = rng.normal(size=(100, 3)), rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    kinds = ("random", "values")
    found = parity((drawn, steady), (other, steady + 0.01), kinds=kinds)
    names = [part.name for part in found.parts]
    assert names == [f"output 1/variance of column {place}" for place in range(3)]
    assert found.max_abs_difference == pytest.approx(0.01, abs=1e-9)
    assert found.agreement_fraction > 0.99
    assert relative_error((drawn, steady), (other, steady), kinds) == 0
    assert parity((drawn, steady), (other, steady), kinds=("values", "values")).drop_fraction > 1
