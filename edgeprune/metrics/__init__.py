"""Metrics in numpy, alike on the host and on the device; fractions 0..1, higher is better unless said.

`evaluate` looks names up in `METRICS`. A metric gets one `Evaluation` and gives one or several
figures: ``{"accuracy": 0.97}`` or ``{"f1_per_class/cat": 0.9, "f1_per_class/dog": 0.8}``.
Adding a metric = one function in the module of its family and one row. Python 3.9 syntax: this
package travels to the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from edgeprune.errors import InputError
from edgeprune.metrics import (
    anomaly,
    classification,
    detection,
    embedding,
    images,
    keypoints,
    multi_label,
    ranking,
    regression,
    segmentation,
    sequences,
    translation,
)
from edgeprune.metrics.evaluation import Evaluation, Metric


def table(*families: Sequence[Metric]) -> dict[str, Metric]:
    """Merge the families' metrics by name; a name given twice is an error, never an override."""
    names = [metric.name for family in families for metric in family]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"Two metrics are called {twice[0]!r}.")
    return {metric.name: metric for family in families for metric in family}


METRICS = table(
    classification.METRICS, multi_label.METRICS, ranking.METRICS, sequences.METRICS, anomaly.METRICS,
    regression.METRICS, segmentation.METRICS, detection.METRICS, keypoints.METRICS, embedding.METRICS,
    images.METRICS, translation.METRICS,
)


def evaluate(
    names: Sequence[str], y_true: ArrayLike | None, outputs: ArrayLike, labels: Sequence[str] | None = None,
    inputs: np.ndarray | tuple[np.ndarray, ...] | None = None, threshold: float | None = None,
) -> dict[str, float]:
    """Compute the metrics that `names` name in `METRICS`.

    Args:
        y_true: (N,) class numbers, or (N, T) with -1 where nothing counts; None (no labels) is refused.
        outputs: the model's float output for the same samples: (N, C) scores or probabilities,
            (N, 1) or (N,) for one sigmoid unit, (N, T, C) for tags and CTC, or for an autoencoder
            what it made of `inputs`. Masks, boxes, keypoints and pictures: see the family's module.
        labels: class or tag names in order; needed by entity metrics, used in per-class names.
        inputs: of the model, needed only to score an autoencoder's reconstruction, which has one.
        threshold: above it a single score is positive; 0.5 unless given.

    Raises:
        InputError: an unknown metric, or shapes that do not belong together.
    """
    if unknown := [name for name in names if name not in METRICS]:
        raise InputError(
            f"The metric {unknown[0]!r} is not known.",
            f"Expected names out of {', '.join(sorted(METRICS))}.", "Correct the name.",
        )
    truth, scores = np.asarray(() if y_true is None else y_true), np.asarray(outputs)
    if len(truth) != len(scores):
        raise InputError(
            f"There are {len(scores)} outputs for {len(truth)} labels.", "Expected one output per label.",
            "Pass outputs and labels of the same samples.",
        )
    single = None if inputs is None or isinstance(inputs, tuple) else np.asarray(inputs)
    names_of_classes = None if labels is None else tuple(labels)
    evaluation = Evaluation(truth, scores, names_of_classes, single, 0.5 if threshold is None else threshold)
    return {key: value for name in names for key, value in METRICS[name].compute(evaluation).items()}
