"""Steps on plain numbers: scaling, standardizing, reshaping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgeprune.preprocessing.files import Files


def rescale(x: np.ndarray, files: Files, *, scale: float, offset: float = 0.0) -> np.ndarray:
    """``x * scale + offset`` in float32."""
    del files
    scaled: np.ndarray = x.astype(np.float32) * np.float32(scale) + np.float32(offset)
    return scaled


def standardize(x: np.ndarray, files: Files, *, mean: Any, std: Any) -> np.ndarray:
    """``(x - mean) / std`` in float32; `mean` and `std` are numbers or lists along the last axes."""
    del files
    shift, width = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    standardized: np.ndarray = (x.astype(np.float32) - shift) / width
    return standardized


def reshape(x: np.ndarray, files: Files, *, shape: Sequence[int]) -> np.ndarray:
    """Give each sample the shape `shape`, which leaves the batch axis out: (N, ...) -> (N, *shape)."""
    del files
    return x.reshape((len(x), *shape))


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "rescale": rescale, "standardize": standardize, "reshape": reshape,
}
