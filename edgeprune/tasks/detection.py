"""Boxes out of a detector's raw heads: decoding, and non-maximum suppression.

    heads (N, R, C, 4 + classes)  --decode-->  candidates  --suppress-->  detections (N, K, 6)

One cell of the R x C grid speaks for the object whose centre lies in it; all numbers are 0..1:

    dy, dx           where in the cell the centre is        centre = ((row + dy) / R, (column + dx) / C)
    height, width    of the box, as a fraction of the picture
    the rest         one score a class

A detection is class, score, ymin, xmin, ymax, xmax as fractions of the picture; class -1 fills up. Of
boxes of a class that overlap by more than half, the most certain one stays. NumPy and Python 3.9: it
travels to devices.
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.overlap import box_ious

MOST_DETECTIONS = 100  # of a picture
LEAST_SCORE = 0.02
OVERLAP = 0.5


def detections(heads: np.ndarray, least_score: float = LEAST_SCORE) -> np.ndarray:
    """(N, K, 6) detections of raw heads (N, R, C, 4 + classes), the most certain first.

    Raises:
        InputError: arrays of another shape.
    """
    if heads.ndim != 4 or heads.shape[-1] < 5:
        raise InputError(
            f"The outputs have the shape {heads.shape}.", "Expected (N, rows, columns, 4 + classes).",
            "Pass a detector's raw heads.",
        )
    boxes, scores = decoded(heads.astype(np.float32))
    found = [_of_picture(*one, least_score) for one in zip(boxes, scores)]
    most = max((len(one) for one in found), default=0)
    padded = np.full((len(heads), max(most, 1), 6), -1, np.float32)
    for row, one in zip(padded, found):
        row[: len(one)] = one
    return padded


def decoded(heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, R C, 4) boxes ymin, xmin, ymax, xmax, and (N, R C, classes) scores."""
    count, rows, columns = heads.shape[:3]
    row, column = np.mgrid[:rows, :columns]
    centre = np.stack([
        (row + heads[..., 0]) / rows, (column + heads[..., 1]) / columns,
    ], axis=-1)
    half = heads[..., 2:4] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=-1)
    return boxes.reshape(count, -1, 4).clip(0, 1), heads[..., 4:].reshape(count, rows * columns, -1)


def _of_picture(boxes: np.ndarray, scores: np.ndarray, least_score: float) -> np.ndarray:
    cell, number = np.nonzero(scores > least_score)
    score = scores[cell, number]
    order = np.argsort(-score, kind="stable")[: 4 * MOST_DETECTIONS]
    cell, number, score = cell[order], number[order], score[order]
    kept = kept_boxes(boxes[cell], number)[:MOST_DETECTIONS]
    return np.column_stack([number[kept], score[kept], boxes[cell[kept]]]).astype(np.float32)


def kept_boxes(boxes: np.ndarray, classes: np.ndarray, overlap: float = OVERLAP) -> np.ndarray:
    """Which of (K, 4) boxes, the most certain first, overlap no stronger one that stays of their class."""
    rivals = (box_ious(boxes, boxes) > overlap) & (classes[:, None] == classes[None])
    kept = np.ones(len(boxes), bool)
    for number in range(len(boxes)):
        if kept[number]:
            kept[number + 1:] &= ~rivals[number, number + 1:]
    return np.flatnonzero(kept)
