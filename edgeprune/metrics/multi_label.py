"""Metrics over several labels at once: each of C classes is there or not.

Labels are (N, C) of 0 and 1, outputs (N, C) scores; above the evaluation's threshold a class is predicted. An
undefined fraction counts as 0; a class that is never true has no average precision; the mean leaves it out.
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric
from edgeprune.metrics.ranking import average_precision


def _labels(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    truth, scores = evaluation.y_true, evaluation.outputs
    if truth.ndim < 2 or truth.shape != scores.shape:
        raise InputError(
            f"Labels of the shape {truth.shape} and outputs of {scores.shape} are no multi-label ones.",
            "Expected (N, classes) for both.", "Choose another metric.",
        )
    classes = truth.shape[-1]
    return truth.reshape(-1, classes) > 0.5, scores.reshape(-1, classes)


def _f1s(evaluation: Evaluation) -> np.ndarray:
    truth, scores = _labels(evaluation)
    found = scores > evaluation.threshold
    right, all_of_both = (truth & found).sum(axis=0), truth.sum(axis=0) + found.sum(axis=0)
    return np.asarray(np.divide(2 * right, all_of_both, out=np.zeros(truth.shape[1]), where=all_of_both > 0))


def f1_of_labels(evaluation: Evaluation) -> float:
    """Mean F1 of the classes."""
    return float(_f1s(evaluation).mean())


def _average_precisions(evaluation: Evaluation) -> dict[int, float]:
    truth, scores = _labels(evaluation)
    return {
        number: average_precision(truth[:, number], scores[:, number])
        for number in range(truth.shape[1]) if truth[:, number].any()
    }


def mean_average_precision(evaluation: Evaluation) -> float:
    """Mean average precision of the classes that occur; 0 where none does."""
    found = _average_precisions(evaluation)
    return float(np.mean(list(found.values()))) if found else 0.0


def exact_match(evaluation: Evaluation) -> float:
    """Share of samples of which every label is right: of several at once, or of one for each position."""
    if evaluation.y_true.ndim == evaluation.outputs.ndim - 1 and evaluation.y_true.ndim > 1:
        wanted = evaluation.y_true
        positions = (evaluation.predicted() == wanted) | (wanted < 0)
        return float(positions.reshape(len(wanted), -1).all(axis=1).mean()) if len(wanted) else 0.0
    truth, scores = _labels(evaluation)
    right = ((scores > evaluation.threshold) == truth).all(axis=1)
    return float(right.mean()) if len(right) else 0.0


def _f1_per_label(evaluation: Evaluation) -> dict[str, float]:
    return {f"label_f1_per_class/{evaluation.label(i)}": float(f1) for i, f1 in enumerate(_f1s(evaluation))}


def _precision_per_label(evaluation: Evaluation) -> dict[str, float]:
    found = _average_precisions(evaluation)
    return {f"label_ap_per_class/{evaluation.label(i)}": value for i, value in found.items()}


METRICS = (
    scalar_metric("label_f1", "Mean F1 of the labels.", f1_of_labels),
    scalar_metric("label_map", "Mean average precision of the labels.", mean_average_precision),
    scalar_metric("exact_match", "Share of samples of which every label is right.", exact_match),
    Metric("label_f1_per_class", "F1, one figure a label.", _f1_per_label),
    Metric("label_ap_per_class", "Average precision, one figure a label.", _precision_per_label),
)
