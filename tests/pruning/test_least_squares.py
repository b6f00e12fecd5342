"""Fits against numpy's own least squares and against the textbook form of what they shorten."""

import numpy as np
import pytest

from edgeprune.pruning.least_squares import cautious_ridge, ridge
from edgeprune.pruning.relu_targets import ReluTarget


def _data(rows, columns, outputs=3, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.normal(size=(rows, columns)) @ generator.normal(size=(columns, columns)) + 0.5
    return y, y @ generator.normal(size=(columns, outputs)) + 2 + generator.normal(size=(rows, outputs))


@pytest.mark.parametrize("constant", [True, False])
def test_ridge_without_penalty_is_lstsq(constant):
    y, t = _data(200, 6)
    design = np.concatenate([y, np.ones((200, 1))], axis=1) if constant else y
    expected = np.linalg.lstsq(design, t, rcond=None)[0]
    fit = ridge(y, t, 1e-14, constant=constant)
    np.testing.assert_allclose(fit.matrix, expected[:6], rtol=0, atol=1e-8)
    np.testing.assert_allclose(fit.constant, expected[6] if constant else 0, rtol=0, atol=1e-8)


def test_rectified_fit_serves_the_relu_better():
    y, t = _data(300, 5)
    threshold, side = np.array([2.5, 1, 3]), np.array([1.0, -1, 1])

    def error(fit):
        made = [np.maximum(side * (z - threshold), 0) for z in (fit.predict(y), t)]
        return float(np.mean((made[0] - made[1]) ** 2))

    assert error(ridge(y, t, 1e-6, relu=ReluTarget(threshold, side))) < 0.99 * error(ridge(y, t, 1e-6))


@pytest.mark.parametrize("columns", [5, 60], ids=["few columns", "more columns than rows"])
def test_cautious_ridge_picks_the_penalty_that_predicts_left_out_rows(columns):
    y, t = _data(40, columns, seed=1)
    weights = np.ones(40)
    fit = cautious_ridge(y, t, weights, constant=False)
    top = np.linalg.eigvalsh(y @ y.T)[-1]
    errors = {}
    for penalty in top * np.logspace(-6, 1, 15):
        left_out = []
        for row in range(40):
            others = np.arange(40) != row
            a = y[others]
            solution = np.linalg.solve(a.T @ a + penalty * np.eye(columns), a.T @ t[others])
            left_out.append(t[row] - y[row] @ solution)
        errors[penalty] = float(np.mean(np.square(left_out)))
    best = min(errors, key=errors.get)
    expected = np.linalg.solve(y.T @ y + best * np.eye(columns), y.T @ t)
    np.testing.assert_allclose(fit.matrix, expected, rtol=0, atol=1e-6)


def test_cautious_ridge_leaves_noise_alone():
    generator = np.random.default_rng(3)
    y, t = generator.normal(size=(30, 50)), generator.normal(size=(30, 2))
    fit = cautious_ridge(y, t, np.ones(30))
    assert np.abs(fit.matrix).max() < 0.1


def test_weighted_rows_count_as_often():
    y, t = _data(30, 3)
    weights = np.where(np.arange(30) < 10, 2.0, 1.0)
    level = np.average(t, axis=0, weights=weights)
    fit = cautious_ridge(y, t, weights)
    np.testing.assert_allclose(np.average(fit.predict(y), axis=0, weights=weights), level, rtol=0, atol=1e-8)
