"""Whether pictures of numbers are heat maps: in each one spot, which says where a point is."""

from __future__ import annotations

import numpy as np

_SAMPLES = 64
_SPOT = 0.25  # of the shorter side: how far from its peak a map may be above half of it
_FLAT = 0.1  # of the peak: the middle value of a map
_POINTED = 0.5  # of the maps, at least, must show a point; the others are empty


def are_heat_maps(y: np.ndarray) -> bool:
    """Whether (N, H, W, K) are maps of two or more points: zero nearly everywhere, with one spot or none."""
    few = y[np.linspace(0, len(y) - 1, min(len(y), _SAMPLES)).astype(int)].astype(np.float64)
    count, height, width, points = few.shape
    if points < 2 or few.min(initial=0) < 0:
        return False
    flat = few.transpose(0, 3, 1, 2).reshape(count * points, -1)
    peaks = flat.max(axis=1)
    flat, peaks = flat[peaks > 0], peaks[peaks > 0]
    if len(peaks) < _POINTED * count * points or (np.median(flat, axis=1) > _FLAT * peaks).any():
        return False
    rows, columns = np.divmod(np.arange(height * width), width)
    row, column = np.divmod(flat.argmax(axis=1), width)
    away = np.hypot(rows - row[:, None], columns - column[:, None])
    spots = np.where(flat > peaks[:, None] / 2, away, 0).max(axis=1)
    return bool((spots <= max(_SPOT * min(height, width), 1)).all())
