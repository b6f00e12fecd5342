"""Points of pictures in the form in which a model gives them, which no file of a model says.

    points (N, K, 2): x and y as fractions of the picture, NaN where a point is not labelled

    output (2 K,)                      x1, y1, x2, y2, …                   or y before x
    output (K, 2), (1, K, 2)           the same
    output (K, 3), (1, K, 3)           the same and a score, which no label has
    output (H, W, K)                   heat maps: exp(-d² / (2 s²)), d pixels from the point

as fractions, in pixels of the model's input, or from -1 to 1. The form that the original model's own outputs
are nearest to is the model's. NumPy and Python 3.9.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Optional

import numpy as np

_MAPS = 3  # axes of one sample's heat maps
_SMALLEST_MAP = 4  # pixels of a side
_DEVIATIONS = (2.0, 1.0, 1.5, 3.0, 4.0)  # of heat maps, in their pixels
_MOST = 10.0
_TINY = 1e-7


@dataclasses.dataclass(frozen=True)
class KeypointForm:
    """One form: what it is called, and points (N, K, 2) to labels of the output's shape."""

    words: str
    labels: Callable[[np.ndarray], np.ndarray]


def holds_points(shape: Sequence[Optional[int]], count: int) -> bool:  # noqa: UP045
    """Whether an output of this shape (without the batch axis) may hold so many points, two or more."""
    if count < 2:
        return False
    if len(shape) == _MAPS and shape[0] != 1:
        maps = all(size is None or size >= _SMALLEST_MAP for size in shape[:2])
        return shape[2] == count and maps
    return tuple(shape) in {(2 * count,), (count, 2), (count, 3), (1, count, 2), (1, count, 3)}


def forms(shape: Sequence[int], size: Optional[tuple[int, int]]) -> Iterator[KeypointForm]:  # noqa: UP045
    """All forms of an output of this shape, the most usual first; `size` is the input's height and width."""
    if len(shape) == _MAPS and shape[0] != 1:
        for deviation in _DEVIATIONS:
            yield KeypointForm(
                f"heat maps (deviation {deviation:g} pixels)",
                functools.partial(_heat_maps, size=(shape[0], shape[1]), deviation=deviation),
            )
        return
    scales = [("fractions of the picture", (1.0, 1.0), 0.0), ("numbers from -1 to 1", (2.0, 2.0), -1.0)]
    if size is not None:
        height, width = size
        scales.insert(1, ("pixels of the model's input", (float(width), float(height)), 0.0))
    for words, scale, offset in scales:
        for swapped in (False, True):
            yield KeypointForm(
                f"{'y, x' if swapped else 'x, y'} in {words}",
                functools.partial(_values, scale=scale, offset=offset, shape=tuple(shape), swap=swapped),
            )


def nearest_form(
    points: np.ndarray, outputs: np.ndarray, size: Optional[tuple[int, int]],  # noqa: UP045
) -> tuple[KeypointForm, np.ndarray]:
    """The form in which points (N, K, 2) are nearest to a model's outputs (N, …), and the losses (N,).

    A loss is the mean square of what is labelled, in units of its variance: 1 for always giving the mean.
    """
    tried = [(form, _losses(form.labels(points), outputs)) for form in forms(outputs.shape[1:], size)]
    return min(tried, key=lambda one: float(one[1].mean()))


def _losses(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    flat = labels.reshape(len(labels), -1).astype(np.float64)
    there = np.isfinite(flat)
    counted = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, flat, 0).sum(axis=0) / counted
    variance = np.where(there, (flat - mean) ** 2, 0).sum() / max(int(there.sum()), 1)
    off = np.where(there, (flat - outputs.reshape(flat.shape)) ** 2, 0) / max(float(variance), _TINY)
    return np.asarray(np.minimum(off.sum(axis=1) / np.maximum(there.sum(axis=1), 1), _MOST))


def _values(
    points: np.ndarray, scale: tuple[float, float], offset: float, shape: Sequence[int], *, swap: bool
) -> np.ndarray:
    made = points * np.array(scale) + offset
    made = made[..., ::-1] if swap else made
    if shape[-1] == made.shape[2] + 1 and len(shape) > 1:  # a score, which no label has
        made = np.concatenate([made, np.full((*made.shape[:2], 1), np.nan)], axis=-1)
    return np.asarray(made.reshape(len(points), *shape), np.float32)


def _heat_maps(points: np.ndarray, size: tuple[int, int], deviation: float) -> np.ndarray:
    """(N, H, W, K); NaN in the map of a point that is not labelled."""
    height, width = size
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    down = (rows[None, :, None] - points[:, None, :, 1] * height) ** 2
    right = (columns[None, :, None] - points[:, None, :, 0] * width) ** 2
    made: np.ndarray = np.exp(-(down[:, :, None] + right[:, None]) / (2 * deviation**2))
    return made.astype(np.float32)
