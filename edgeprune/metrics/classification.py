"""Metrics over class numbers.

With counts M[t, p] (true t, predicted p):

    recall_t = M[t, t] / sum_p M[t, p]     precision_p = M[p, p] / sum_t M[t, p]
    F1 = 2PR / (P + R)                     balanced accuracy = mean recall of the classes that occur

A class that is neither true nor predicted anywhere is left out of macro averages; otherwise an
undefined fraction counts as 0, as in scikit-learn's defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric


def confusion_counts(evaluation: Evaluation) -> np.ndarray:
    """(C, C) counts: row = true class, column = predicted class."""
    truth, guess = evaluation.pairs()
    size = max(evaluation.classes(), int(truth.max(initial=-1)) + 1, int(guess.max(initial=-1)) + 1)
    counts: np.ndarray = np.bincount(truth * size + guess, minlength=size * size)
    return counts.reshape(size, size)


def accuracy(evaluation: Evaluation) -> float:
    """Share of right class numbers."""
    truth, guess = evaluation.pairs()
    return _fraction(np.count_nonzero(truth == guess), len(truth))


def balanced_accuracy(evaluation: Evaluation) -> float:
    """Mean recall of the classes that occur."""
    counts = confusion_counts(evaluation)
    occurs = counts.sum(axis=1) > 0
    return float(_recalls(counts)[occurs].mean()) if occurs.any() else 0.0


def _right_ratios(axis: int, counts: np.ndarray) -> np.ndarray:
    return _divide(np.diag(counts), counts.sum(axis=axis))


_precisions, _recalls = partial(_right_ratios, 0), partial(_right_ratios, 1)


def _f1s(counts: np.ndarray) -> np.ndarray:
    precision, recall = _precisions(counts), _recalls(counts)
    return _divide(2 * precision * recall, precision + recall)


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.zeros(len(below)), where=below > 0))


def _fraction(above: int | np.integer, below: int | np.integer) -> float:
    return float(above / below) if below else 0.0


ClassScores = Callable[[np.ndarray], np.ndarray]


def _macro(scores: ClassScores, evaluation: Evaluation) -> float:
    counts = confusion_counts(evaluation)
    seen = counts.sum(axis=0) + counts.sum(axis=1) > 0
    return float(scores(counts)[seen].mean()) if seen.any() else 0.0


def _binary(scores: ClassScores, evaluation: Evaluation) -> float:
    """The positive class' own figure for two classes; the macro average for more."""
    counts = confusion_counts(evaluation)
    return float(scores(counts)[1]) if len(counts) == 2 else _macro(scores, evaluation)


def top_k(k: int, evaluation: Evaluation) -> float:
    """Share of samples whose class is among the k highest outputs; ties go to the lower number."""
    if evaluation.single_score():
        return accuracy(evaluation)
    truth = evaluation.y_true.reshape(-1)
    scores = evaluation.outputs.reshape(len(truth), evaluation.outputs.shape[-1])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    counted = truth >= 0
    return _fraction(np.count_nonzero((best == truth[:, None]).any(axis=1) & counted), counted.sum())


def _per_class(name: str, scores: ClassScores) -> Metric:
    def compute(evaluation: Evaluation) -> dict[str, float]:
        values = scores(confusion_counts(evaluation))
        return {f"{name}/{evaluation.label(i)}": float(value) for i, value in enumerate(values)}

    return Metric(name, f"{name.replace('_', ' ')}, one figure a class.", compute)


def _confusion(evaluation: Evaluation) -> dict[str, float]:
    counts = confusion_counts(evaluation)
    ratios = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return {
        f"confusion_matrix/{evaluation.label(t)}/{evaluation.label(p)}": float(ratios[t, p])
        for t in range(len(counts)) for p in range(len(counts)) if counts[t, p]
    }


precision, recall, f1 = (partial(_binary, scores) for scores in (_precisions, _recalls, _f1s))
METRICS = (
    scalar_metric("accuracy", "Share of samples (or positions) with the right class.", accuracy),
    scalar_metric(
        "agreement", "Share of samples answered as the original model does: there were no labels.", accuracy
    ),
    scalar_metric("balanced_accuracy", "Mean recall of the classes.", balanced_accuracy),
    scalar_metric("precision", "TP / (TP + FP); macro average for more than two classes.", precision),
    scalar_metric("recall", "TP / (TP + FN); macro average for more than two classes.", recall),
    scalar_metric("f1", "2PR / (P + R); macro average for more than two classes.", f1),
    scalar_metric("precision_macro", "Mean precision of the classes.", partial(_macro, _precisions)),
    scalar_metric("recall_macro", "Mean recall of the classes.", partial(_macro, _recalls)),
    scalar_metric("f1_macro", "Mean F1 of the classes.", partial(_macro, _f1s)),
    # With one label a sample, every false positive is another class' false negative: P = R = F1 = accuracy.
    scalar_metric("f1_micro", "F1 over all decisions; equals accuracy with one label a sample.", accuracy),
    scalar_metric("top_3", "Share of samples whose class is among the 3 highest outputs.", partial(top_k, 3)),
    scalar_metric("top_5", "Share of samples whose class is among the 5 highest outputs.", partial(top_k, 5)),
    _per_class("precision_per_class", _precisions),
    _per_class("recall_per_class", _recalls),
    _per_class("f1_per_class", _f1s),
    Metric("confusion_matrix", "Share of each true class (row) predicted as each class.", _confusion),
)
