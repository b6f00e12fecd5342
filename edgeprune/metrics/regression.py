"""Metrics over values.

R² = 1 - Σ (y - ŷ)² / Σ (y - ȳ)², the mean taken for each output value by itself.
"""

from __future__ import annotations

import numpy as np

from edgeprune.metrics.evaluation import Evaluation, scalar_metric


def r2(evaluation: Evaluation) -> float:
    """Share of the variance of the true values that the outputs explain."""
    truth, found = _values(evaluation)
    spread = float(np.square(truth - truth.mean(axis=0)).sum())
    return 1.0 - float(np.square(truth - found).sum()) / max(spread, float(np.finfo(np.float32).tiny))


def mean_absolute_error(evaluation: Evaluation) -> float:
    """Mean of the absolute differences, in the unit of the values."""
    truth, found = _values(evaluation)
    return float(np.abs(truth - found).mean())


def _values(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    truth = evaluation.y_true.astype(np.float64)
    return truth, evaluation.outputs.astype(np.float64).reshape(truth.shape)


METRICS = (
    scalar_metric("r2", "Share of the variance explained.", r2),
    scalar_metric(
        "mean_absolute_error", "Mean absolute difference.", mean_absolute_error, higher=False, unit="value"
    ),
)
