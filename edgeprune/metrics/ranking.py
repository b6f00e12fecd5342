"""How well scores put positives before negatives, whatever the threshold.

ROC-AUC is the Mann-Whitney statistic: the chance that a positive scores above a negative, ties counting half.
Average precision = Σ (R_i - R_i-1) P_i over the scores, from the highest down, equal ones being one step.
"""

from __future__ import annotations

import numpy as np

from edgeprune.metrics.evaluation import Evaluation, scalar_metric


def area_under_roc(y_true: np.ndarray, score: np.ndarray) -> float:
    """Mann-Whitney U / (positives * negatives), by ranks with ties shared; 0.5 where a class is absent."""
    positive = y_true.astype(bool)
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return 0.5
    _, group, sizes = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group.reshape(-1)]
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    """Of one class: (N,) booleans and scores, of which equal ones are one step."""
    order = np.argsort(-scores, kind="stable")
    right, ranked = np.cumsum(truth[order]), scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True)  # of equal scores
    recall, precision = right[last] / max(int(truth.sum()), 1), right[last] / (np.flatnonzero(last) + 1)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def roc_auc_macro(evaluation: Evaluation) -> float:
    """Mean area of the classes that occur, each against the rest; 0.5 where none does."""
    if evaluation.single_score():
        return area_under_roc(evaluation.y_true.reshape(-1), evaluation.outputs.reshape(-1))
    truth, classes = evaluation.y_true.reshape(-1), evaluation.outputs.shape[-1]
    truth, scores = truth[truth >= 0], evaluation.outputs.reshape(-1, classes)[truth >= 0]
    areas = [area_under_roc(truth == number, scores[:, number]) for number in np.unique(truth)]
    return float(np.mean(areas)) if areas else 0.5


METRICS = (
    scalar_metric("roc_auc_macro", "Mean ROC-AUC of the classes, each against the rest.", roc_auc_macro),
)
