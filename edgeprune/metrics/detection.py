"""Mean average precision of boxes, as COCO computes it.

    y_true   (N, M, 5)  class, ymin, xmin, ymax, xmax          class -1 fills up pictures with fewer boxes;
                                                               -2 - c is a crowd of class c
    outputs  (N, K, 6)  class, score, ymin, xmin, ymax, xmax   the same; see `edgeprune.tasks.detection`

In each picture the detections of a class, the most certain first, take the box that they overlap most and
that is still free, if the intersection over union reaches the threshold. Over all pictures, precision as a
function of recall, made to fall only, is averaged at the recalls 0, 0.01, …, 1: the average precision of a
class. The mean is over the classes that have boxes. A detection that found none, but lies in a crowd by the
threshold's fraction of its own area, counts neither way. At most 100 detections of a class
count in a picture.

Lin et al. 2014, arXiv 1405.0312; the steps are those of the COCO API's `COCOeval`.
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric
from edgeprune.metrics.overlap import box_ious, covered_fractions

THRESHOLDS = np.linspace(0.5, 0.95, 10)
CROWD = -2  # minus the class: a region that holds too many objects to tell apart
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST_DETECTIONS = 100


def average_precisions(y_true: np.ndarray, detections: np.ndarray) -> dict[int, np.ndarray]:
    """(T,) average precision at each of `THRESHOLDS`, by class, of the classes that have boxes."""
    classes = y_true[..., 0].astype(np.int64)
    found = [
        _matches(truth, one[one[:, 0] >= 0])
        for truth, one in zip(y_true.astype(np.float64), detections.astype(np.float64))
    ]
    numbers, scores, hits, wrong = (np.concatenate(parts) for parts in zip(*found)) if found else _nothing()
    return {
        int(number): _average_precision(
            scores[numbers == number], hits[numbers == number], wrong[numbers == number],
            int(np.count_nonzero(classes == number)),
        )
        for number in np.unique(classes[classes >= 0])
    }


def _nothing() -> tuple[np.ndarray, ...]:
    flags = np.zeros((0, len(THRESHOLDS)), bool)
    return np.zeros(0), np.zeros(0), flags, flags


def _matches(truth: np.ndarray, detections: np.ndarray) -> tuple[np.ndarray, ...]:
    """Class, score, and (T,) each whether it found a box or is wrong, of the detections in a picture."""
    ranked = detections[np.argsort(-detections[:, 1], kind="stable")]
    ranked = ranked[_rank_in_class(ranked[:, 0]) < _MOST_DETECTIONS]
    hits = _hits(truth[truth[:, 0] >= 0], ranked)
    wrong = ~hits & ~_in_crowds(truth[truth[:, 0] <= CROWD], ranked)
    return ranked[:, 0], ranked[:, 1], hits, wrong


def _in_crowds(crowds: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """(K, T) whether so much of each detection's area lies in one crowd of its class."""
    inside = covered_fractions(ranked[:, 2:], crowds[:, 1:])
    inside[ranked[:, 0][:, None] != CROWD - crowds[:, 0][None]] = -1.0
    return np.asarray(inside.max(axis=1, initial=-1.0)[:, None] >= THRESHOLDS)


def _hits(truth: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """(K, T) whether each detection found a box, the most certain first."""
    overlaps = box_ious(ranked[:, 2:], truth[:, 1:])
    overlaps[ranked[:, 0][:, None] != truth[:, 0][None]] = -1.0
    free = np.ones((len(THRESHOLDS), len(truth)), bool)
    hits = np.zeros((len(ranked), len(THRESHOLDS)), bool)
    if not len(truth):
        return hits
    every, last = np.arange(len(THRESHOLDS)), len(truth) - 1
    for row, one in enumerate(overlaps):
        if one.max() < THRESHOLDS[0]:
            continue
        possible = np.where(free, one, -1.0)
        best = last - possible[:, ::-1].argmax(axis=1)  # of equal ones the last, as COCOeval takes it
        hit = possible[every, best] >= THRESHOLDS
        free[every[hit], best[hit]] = False
        hits[row] = hit
    return hits


def _rank_in_class(classes: np.ndarray) -> np.ndarray:
    """How many of the same class stand before each."""
    order = np.argsort(classes, kind="stable")
    sorted_classes = classes[order]
    ranks = np.empty(len(classes), np.int64)
    ranks[order] = np.arange(len(classes)) - np.searchsorted(sorted_classes, sorted_classes)
    return ranks


def _average_precision(scores: np.ndarray, hits: np.ndarray, wrong: np.ndarray, boxes: int) -> np.ndarray:
    """(T,) of (K,) scores, (K, T) hits and (K, T) mistakes of one class over all pictures."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order], axis=0)
    count = right + np.cumsum(wrong[order], axis=0)
    recall, precision = right / boxes, right / np.maximum(count, 1)
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    values = np.zeros(hits.shape[1])
    for threshold in range(hits.shape[1]):
        places = np.searchsorted(recall[:, threshold], _RECALLS, side="left")
        reached = places[places < len(scores)]
        values[threshold] = precision[reached, threshold].sum() / len(_RECALLS)
    return values


def _checked(evaluation: Evaluation) -> dict[int, np.ndarray]:
    truth, found = evaluation.y_true, evaluation.outputs
    if truth.ndim != 3 or truth.shape[-1] != 5 or found.ndim != 3 or found.shape[-1] != 6:
        raise InputError(
            f"Boxes have the shape {truth.shape}, detections {found.shape}.",
            "Expected (N, M, 5), class, ymin, xmin, ymax, xmax, and (N, K, 6), the score after the class.",
            "Decode the model's outputs first.",
        )
    return average_precisions(truth, found)


def map_50(evaluation: Evaluation) -> float:
    """Mean average precision where half of the union must overlap; 0 where no picture has a box."""
    found = _checked(evaluation)
    return float(np.mean([values[0] for values in found.values()])) if found else 0.0


def map_50_95(evaluation: Evaluation) -> float:
    """Mean average precision over the thresholds 0.5, 0.55, …, 0.95; 0 where no picture has a box."""
    found = _checked(evaluation)
    return float(np.mean([values.mean() for values in found.values()])) if found else 0.0


def _per_class(evaluation: Evaluation) -> dict[str, float]:
    found = _checked(evaluation)
    return {f"ap_50_per_class/{evaluation.label(number)}": float(one[0]) for number, one in found.items()}


METRICS = (
    scalar_metric("map_50", "Mean average precision of boxes at an overlap of 0.5.", map_50),
    scalar_metric("map_50_95", "Mean average precision of boxes at overlaps of 0.5 to 0.95.", map_50_95),
    Metric("ap_50_per_class", "Average precision at an overlap of 0.5, one figure a class.", _per_class),
)
