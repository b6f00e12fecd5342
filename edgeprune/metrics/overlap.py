"""How much boxes overlap. Apps get this module as it is: `edgeprune export --python` copies it."""

from __future__ import annotations

import numpy as np


def box_ious(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(A, B) intersection over union of boxes (A, 4) and (B, 4): ymin, xmin, ymax, xmax."""
    shared = _shared(one, other)
    union = _areas(one)[:, None] + _areas(other)[None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def covered_fractions(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(A, B) how much of each box of (A, 4) lies in each of (B, 4), as a fraction of its area."""
    shared, areas = _shared(one, other), _areas(one)[:, None]
    return np.asarray(np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0))


def _shared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=-1))


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=-1))
