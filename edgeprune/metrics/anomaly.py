"""Metrics of one score per sample: anomaly detection and two-class ranking.

An autoencoder's score is its mean squared reconstruction error; y is 1 for an anomaly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.classification import f1, precision, recall
from edgeprune.metrics.evaluation import Evaluation, scalar_metric
from edgeprune.metrics.ranking import area_under_roc


def reconstruction_error(inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """(N,) mean squared difference per sample."""
    difference = (inputs.astype(np.float64) - outputs.reshape(inputs.shape)).reshape(len(inputs), -1)
    return np.asarray(np.mean(difference**2, axis=1))


def scores(evaluation: Evaluation) -> np.ndarray:
    """(N,) one score per sample: reconstruction error, the single output, or class 1 of two."""
    outputs = evaluation.outputs
    if evaluation.inputs is not None and outputs.size == evaluation.inputs.size:
        return reconstruction_error(evaluation.inputs, outputs)
    if evaluation.single_score():
        return np.asarray(outputs.reshape(len(outputs)).astype(np.float64))
    if outputs.shape[-1] == 2:
        return np.asarray(outputs[..., 1].astype(np.float64) - outputs[..., 0])
    raise InputError(
        f"ROC-AUC needs one score per sample; the outputs have the shape {outputs.shape}.",
        "Expected one unit, two classes, or an autoencoder's output together with its inputs.",
        "Choose another metric, or hand over the inputs.",
    )


def choose_threshold(y_true: np.ndarray, score: np.ndarray) -> float:
    """The threshold with the highest F1, halfway between two scores (N,); use validation data, never test."""
    positive = y_true.astype(bool)
    if not positive.any():
        return float(np.percentile(score, 95))  # one false alarm in twenty
    order = np.argsort(-score, kind="stable")
    ranked, found = score[order], np.cumsum(positive[order])
    f1 = 2 * found / (np.arange(1, len(score) + 1) + positive.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # a threshold cannot part equal scores
    best = int(np.argmax(f1))
    below = ranked[best + 1] if best + 1 < len(ranked) else ranked[best] - 1
    return float((ranked[best] + below) / 2)


def _at_threshold(compute: Callable[[Evaluation], float]) -> Callable[[Evaluation], float]:
    """A metric over classes, of whether each score is above the threshold."""
    return lambda evaluation: compute(
        dataclasses.replace(evaluation, outputs=scores(evaluation), y_true=evaluation.y_true.reshape(-1))
    )


METRICS = (
    scalar_metric(
        "roc_auc", "Chance that a positive scores above a negative.",
        lambda evaluation: area_under_roc(evaluation.y_true.reshape(-1), scores(evaluation)),
    ),
    scalar_metric("anomaly_f1", "2PR / (P + R) of scores above the threshold.", _at_threshold(f1)),
    scalar_metric("anomaly_precision", "Share of alarms that are right.", _at_threshold(precision)),
    scalar_metric("anomaly_recall", "Share of anomalies that are found.", _at_threshold(recall)),
)
NAMES = tuple(metric.name for metric in METRICS)  # of an autoencoder; what needs no threshold comes first
