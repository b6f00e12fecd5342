"""Steps on plain numbers: scaling, standardizing, reshaping."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike


def rescale(x: np.ndarray, *, scale: float, offset: float = 0.0) -> np.ndarray:
    """``x * scale + offset`` in float32."""
    return np.asarray(x.astype(np.float32) * np.float32(scale) + np.float32(offset))


def standardize(x: np.ndarray, *, mean: ArrayLike, std: ArrayLike) -> np.ndarray:
    """``(x - mean) / std`` in float32; `mean` and `std` are numbers or lists along the last axes."""
    shift, width = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    return np.asarray((x.astype(np.float32) - shift) / width)


def reshape(x: np.ndarray, *, shape: Sequence[int]) -> np.ndarray:
    """Give each sample the shape `shape`, which leaves the batch axis out: (N, ...) -> (N, *shape)."""
    return x.reshape((len(x), *shape))


def transpose(x: np.ndarray, *, axes: Sequence[int]) -> np.ndarray:
    """Orders each sample's axes anew, the batch axis left out: channels first to last is ``[1, 2, 0]``."""
    return np.ascontiguousarray(x.transpose((0, *(axis + 1 for axis in axes))))


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "rescale": rescale, "standardize": standardize, "reshape": reshape, "transpose": transpose,
}
