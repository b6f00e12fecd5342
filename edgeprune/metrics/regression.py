"""Metrics over values.

R² = 1 - Σ (y - ŷ)² / Σ (y - ȳ)², the mean taken for each output value by itself. Columns: of the last axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric

Values = Callable[[np.ndarray, np.ndarray], float]


def r2(evaluation: Evaluation) -> float:
    """Share of the variance of the true values that the outputs explain."""
    return _r2(*_values(evaluation))


def _r2(truth: np.ndarray, found: np.ndarray) -> float:
    spread = float(np.square(truth - truth.mean(axis=0)).sum())
    return 1.0 - float(np.square(truth - found).sum()) / max(spread, float(np.finfo(np.float32).tiny))


def _r2_of_column(truth: np.ndarray, found: np.ndarray) -> float:
    """As scikit-learn: values that never vary are explained wholly (1) or not at all (0)."""
    if np.ptp(truth) == 0:
        return float(np.array_equal(truth, found))
    return _r2(truth, found)


def mean_absolute_error(evaluation: Evaluation) -> float:
    """Mean of the absolute differences, in the unit of the values."""
    return _mean_absolute_error(*_values(evaluation))


def _mean_absolute_error(truth: np.ndarray, found: np.ndarray) -> float:
    return float(np.abs(truth - found).mean())


def root_mean_squared_error(evaluation: Evaluation) -> float:
    """Root of the mean squared difference, in the unit of the values."""
    return _root_mean_squared_error(*_values(evaluation))


def _root_mean_squared_error(truth: np.ndarray, found: np.ndarray) -> float:
    return float(np.sqrt(np.square(truth - found).mean()))


def _values(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    truth = evaluation.y_true.astype(np.float64)
    return truth, evaluation.outputs.astype(np.float64).reshape(truth.shape)


def _per_column(name: str, meaning: str, values: Values, *, higher: bool, unit: str) -> Metric:
    def compute(evaluation: Evaluation) -> dict[str, float]:
        columns = evaluation.y_true.shape[-1] if evaluation.y_true.ndim > 1 else 1
        truth, found = (array.reshape(-1, columns) for array in _values(evaluation))
        return {
            f"{name}/{evaluation.label(i)}": values(truth[:, i], found[:, i]) for i in range(columns)
        }

    return Metric(name, meaning, compute, higher, unit)


METRICS = (
    scalar_metric("r2", "Share of the variance explained.", r2, negative=True),
    scalar_metric(
        "mean_absolute_error", "Mean absolute difference.", mean_absolute_error, higher=False, unit="value"
    ),
    scalar_metric(
        "root_mean_squared_error", "Root of the mean squared difference.", root_mean_squared_error,
        higher=False, unit="value",
    ),
    _per_column(
        "r2_per_column", "Share of the variance explained, one figure a column.", _r2_of_column,
        higher=True, unit="value",
    ),
    _per_column(
        "mean_absolute_error_per_column", "Mean absolute difference, one figure a column.",
        _mean_absolute_error, higher=False, unit="value",
    ),
    _per_column(
        "root_mean_squared_error_per_column", "Root of the mean squared difference, one figure a column.",
        _root_mean_squared_error, higher=False, unit="value",
    ),
)
