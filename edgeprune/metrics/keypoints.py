"""Metrics over keypoints: where the joints of a body or the corners of a face are.

Labels are (N, K, 2) coordinates or (N, K, 3) with the visibility last, of which 0 leaves a point out (COCO);
or heat maps (N, H, W, K), of which the maximum is the point and an empty one leaves it out. NaN leaves a
point out of all of them. Outputs are the same, or (N, 2 K) values. The order of x and y does not matter as
long as both have the same.

    PCK  share of points within 0.2 of the longer side of the box around the sample's labelled points
    OKS  mean over points of exp(-d² / (2 A (2 s)²)), d the distance, A = 0.53 of that box's area, s a point's

s is COCO's for 17 points, else 0.05. Labels have no area of the object: 0.53 of the box stands for it, as in
MMPose; a sample needs two points to have a scale. Yang & Ramanan 2013
(PCK); Ronchi & Perona 2017, arXiv 1707.05388 (OKS).
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric

SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
) / 1000  # of COCO's 17 points of a person, nose to right ankle
_SIGMA, _AREA, _REACH = 0.05, 0.53, 0.2


def points_of(array: np.ndarray, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(N, K, 2) coordinates and (N, K) whether each is there; `count` is K where it is known."""
    if array.ndim == 4 and not (array.shape[1] == 1 and array.shape[-1] in (2, 3)):
        return _peaks(array)
    if array.ndim == 4:  # MoveNet gives (N, 1, K, 3)
        array = array[:, 0]
    if array.ndim == 2 and array.shape[1] % 2 == 0 and count in (None, array.shape[1] // 2):
        array = array.reshape(len(array), array.shape[1] // 2, 2)
    if array.ndim != 3 or array.shape[2] not in (2, 3) or count not in (None, array.shape[1]):
        raise InputError(
            f"An array of the shape {array.shape} holds no keypoints.",
            f"Expected ({', '.join(('N', str(count or 'K'), '2'))}), the same with a third value, "
            "or heat maps (N, H, W, K).", "Choose another metric.",
        )
    there = np.isfinite(array[..., :2]).all(axis=-1)
    if array.shape[2] == 3:
        there &= ~(array[..., 2] <= 0)  # a score that is NaN says nothing
    return array[..., :2].astype(np.float64), there


def _peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = np.nan_to_num(maps.reshape(len(maps), -1, maps.shape[-1]))
    rows, columns = np.divmod(flat.argmax(axis=1), maps.shape[2])
    return np.stack([rows, columns], axis=-1).astype(np.float64), flat.max(axis=1) > 0


def _distances(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, K) distances, (N, K) whether each point counts, (N, 2) sides of the box around those."""
    truth, there = points_of(evaluation.y_true)
    found, _ = points_of(evaluation.outputs, truth.shape[1])
    low = np.where(there[..., None], truth, np.inf).min(axis=1)
    high = np.where(there[..., None], truth, -np.inf).max(axis=1)
    sides = np.maximum(high - low, 0)
    there = there & (sides.max(axis=1, initial=0) > 0)[:, None]
    return np.where(there, np.linalg.norm(found - truth, axis=-1), 0), there, sides


def _per_point(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    distances, there, sides = _distances(evaluation)
    return distances <= _REACH * sides.max(axis=1, initial=0)[:, None], there


def pck(evaluation: Evaluation) -> float:
    """Share of points that were found; 0 where none is labelled."""
    right, there = _per_point(evaluation)
    return float(right[there].mean()) if there.any() else 0.0


def similarities(evaluation: Evaluation) -> np.ndarray:
    """OKS of each sample that has a labelled point."""
    distances, there, sides = _distances(evaluation)
    labelled = there.any(axis=1)
    distances, there, sides = distances[labelled], there[labelled], sides[labelled]
    sigmas = SIGMAS if there.shape[1] == len(SIGMAS) else np.full(there.shape[1], _SIGMA)
    spread = (_AREA * sides.prod(axis=1) + np.spacing(1))[:, None] * (2 * sigmas) ** 2
    closeness = np.exp(-(distances**2) / spread / 2)
    return np.asarray((closeness * there).sum(axis=1) / there.sum(axis=1))


def oks(evaluation: Evaluation) -> float:
    """Mean object keypoint similarity; 0 where no point is labelled."""
    found = similarities(evaluation)
    return float(found.mean()) if len(found) else 0.0


def _pck_per_point(evaluation: Evaluation) -> dict[str, float]:
    right, there = _per_point(evaluation)
    return {
        f"pck_per_point/{evaluation.label(i)}": float(right[there[:, i], i].mean())
        for i in range(there.shape[1]) if there[:, i].any()
    }


METRICS = (
    scalar_metric("pck", "Share of points within 0.2 of the object's longer side.", pck),
    scalar_metric("oks", "Mean object keypoint similarity.", oks),
    Metric("pck_per_point", "Share of found points, one figure a point.", _pck_per_point),
)
