"""What two recordings of one model, at two numbers of samples, say of a value.

A model is recorded at 2 and at 3 samples. A number that is 8 and 12 then is four times the number of samples;
an array whose first axis is as long as the batch, and whose rows are equal, is one row for each sample. Sizes
that the model leaves open are twice as large in the second recording. Everything else must be the same.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.graph.model_graph import Argument
from edgeprune.keras_bridge import nodes

SAMPLES = (2, 3)
"""Of the two recordings."""


class NotAlikeError(Exception):
    """Two recordings differ by more than the number of samples; the message says what does."""


@dataclasses.dataclass(frozen=True)
class BatchSize:
    """So many times the number of samples."""

    times: int


@dataclasses.dataclass(frozen=True)
class OpenSize:
    """A size that follows from one that the model leaves open, such as the length of a text.

    `first` is what it was in the first recording.
    """

    first: int


@dataclasses.dataclass(frozen=True, eq=False)
class PerSample:
    """An array (1, …) that every sample has."""

    array: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Uniform:
    """An array of one number, some of whose sizes are open."""

    number: np.generic
    sizes: tuple[Argument, ...]


def merged(one: Argument, other: Argument) -> Argument:
    """The value that stands for both, sizes of the batch marked; symbolic tensors are the first's.

    Raises:
        NotAlikeError: it is another for another reason.
    """
    if type(one) is not type(other) and not (_is_array(one) and _is_array(other)):
        raise NotAlikeError("calls something else for another number of samples")
    if isinstance(one, (list, tuple)):
        if len(one) != len(other):
            raise NotAlikeError("makes another number of tensors for another number of samples")
        parts = [merged(a, b) for a, b in zip(one, other, strict=True)]
        return type(one)(*parts) if hasattr(one, "_fields") else type(one)(parts)
    if isinstance(one, dict):
        return {key: merged(one[key], other[key]) for key in nodes.in_order(one)}
    if isinstance(one, slice):
        return slice(*merged([one.start, one.stop, one.step], [other.start, other.stop, other.step]))
    if _is_array(one):
        return _merged_arrays(np.asarray(one), np.asarray(other))
    is_size = isinstance(one, int) and not isinstance(one, bool) and one != other
    return _batch_size(one, int(other)) if is_size else one


def has_open_size(value: Argument) -> bool:
    """Whether a nested value holds a size that the model leaves open."""
    found: list[Argument] = []
    nodes.map_values(value, found.append)
    return any(isinstance(one, (BatchSize, OpenSize, PerSample, Uniform)) for one in found)


def _is_array(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and type(value).__name__ not in nodes.SYMBOLS


def _batch_size(one: int, other: int) -> BatchSize | OpenSize:
    times = other - one
    return BatchSize(times) if times > 0 and one == times * SAMPLES[0] else OpenSize(one)


def _merged_arrays(one: np.ndarray, other: np.ndarray) -> np.ndarray | PerSample | Uniform:
    if one.shape == other.shape:
        if not _equal(one, other):
            raise NotAlikeError("computes with numbers that are drawn anew at each call")
        return one
    if one.ndim == other.ndim and one.size and (one == one.flat[0]).all() and (other == one.flat[0]).all():
        sizes = tuple(merged(list(one.shape), list(other.shape)))
        if any(isinstance(size, OpenSize) for size in sizes):
            return Uniform(one.reshape(-1)[0], sizes)
    is_batch = one.ndim > 0 and one.shape[1:] == other.shape[1:] and one.shape[0] == SAMPLES[0]
    if not is_batch or not _equal(one, one[:1]) or not _equal(other, one[:1]):
        raise NotAlikeError("computes with numbers that depend on the number of samples")
    return PerSample(one[:1])


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    other = np.broadcast_to(other, one.shape)
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
