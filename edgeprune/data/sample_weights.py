"""What samples count in training, as `fit()` takes it.

(N,)        each sample
(N, …)      each position of its labels: words of a text, pixels of a mask
a tuple     one of these, or None, for each output; one alone is for all outputs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.data.streamed import Array
from edgeprune.errors import InputError
from edgeprune.tasks import Targets

RawWeights = Mapping[str, "Array | tuple[Array | None, ...]"]
"""Weights by split, as a source has them."""


def read_weights(raw: Array | tuple[Array | None, ...], labels: Targets, part: str) -> np.ndarray | Targets:
    """Weights of one split as float32.

    Args:
        labels: of each output of the same samples.

    Raises:
        InputError: they are no numbers, below 0, or of no shape that the labels have.
    """
    if isinstance(raw, tuple):
        return tuple(
            None if one is None else _one(np.asarray(one), [y], part)
            for one, y in zip(raw, labels, strict=True)
        )
    return _one(np.asarray(raw), labels, part)


def lengths_of(weights: np.ndarray | Targets | None) -> list[int]:
    """Of all arrays of weights."""
    each = weights if isinstance(weights, tuple) else (weights,)
    return [len(one) for one in each if one is not None]


def _one(array: np.ndarray, labels: Sequence[np.ndarray | None], part: str) -> np.ndarray:
    counts = array.astype(np.float32) if array.dtype.kind in "biuf" and array.ndim else None
    fits = counts is not None and np.isfinite(counts).all() and (counts >= 0).all()
    shapes = [y.shape for y in labels if y is not None]
    if counts is not None and counts.ndim > 1 and counts.shape[-1] == 1:
        counts = counts[..., 0]
    if counts is None or not fits or not all(_aligned(counts.shape, shape) for shape in shapes):
        listed = f"Labels have the shape {', '.join(map(str, shapes))}: one" if shapes else "One"
        raise InputError(
            f"The {part} samples' weights have the shape {array.shape} and dtype {array.dtype}.",
            f"{listed} finite number for each sample, or for each label, is expected, 0 or more.",
            "Correct the weights.",
        )
    return counts


def _aligned(weights: Sequence[int], labels: Sequence[int]) -> bool:
    """Whether there is one weight for each sample or each position; how many samples is checked later."""
    return len(weights) <= len(labels) and tuple(weights[1:]) == tuple(labels[1 : len(weights)])
