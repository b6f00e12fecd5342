"""Metrics over masks: a class for every pixel.

With counts M[t, p] of pixels (true t, predicted p), those labelled -1 left out:

    IoU_c = M[c, c] / (Σ M[c, :] + Σ M[:, c] - M[c, c])       Dice_c = 2 M[c, c] / (Σ M[c, :] + Σ M[:, c])

Means are over the classes that are true or predicted somewhere, counted over all pictures together, as in
Pascal VOC and Keras' `MeanIoU`. Labels are (N, H, W) class numbers; outputs are (N, H, W, C), or (N, H, W, 1)
for foreground and background.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.metrics.classification import accuracy, confusion_counts
from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric


def ious(counts: np.ndarray) -> np.ndarray:
    """(C,) intersection over union of each class, 0 for one that occurs nowhere, of (C, C) counts."""
    both = np.diag(counts)
    return _ratio(both, counts.sum(axis=0) + counts.sum(axis=1) - both)


def dices(counts: np.ndarray) -> np.ndarray:
    """(C,) Dice coefficient of each class, 0 for one that occurs nowhere, of (C, C) counts."""
    return _ratio(2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.zeros(len(below)), where=below > 0))


def _mean(overlaps: Callable[[np.ndarray], np.ndarray], evaluation: Evaluation) -> float:
    counts = confusion_counts(evaluation)
    occurs = counts.sum(axis=0) + counts.sum(axis=1) > 0
    return float(overlaps(counts)[occurs].mean()) if occurs.any() else 0.0


def _per_class(name: str, meaning: str, overlaps: Callable[[np.ndarray], np.ndarray]) -> Metric:
    def compute(evaluation: Evaluation) -> dict[str, float]:
        values = overlaps(confusion_counts(evaluation))
        return {f"{name}/{evaluation.label(i)}": float(value) for i, value in enumerate(values)}

    return Metric(name, meaning, compute)


METRICS = (
    scalar_metric("mean_iou", "Mean intersection over union of the classes.", lambda e: _mean(ious, e)),
    scalar_metric("dice", "Mean Dice coefficient of the classes.", lambda e: _mean(dices, e)),
    scalar_metric("pixel_accuracy", "Share of pixels with the right class.", accuracy),
    _per_class("iou_per_class", "Intersection over union, one figure a class.", ious),
    _per_class("dice_per_class", "Dice coefficient, one figure a class.", dices),
)
