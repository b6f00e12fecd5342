"""Samples that are read when they are asked for, so that data may be larger than memory.

A `Streamed` stands where an array (N, ...) stands: it has a length, a shape and a dtype, and its rows
are read by slice, by numbers or by mask. Choosing rows with `pick` reads nothing:

    images = FromItems(paths, decode)      images[:32] -> (32, H, W, C)      images.pick(mask) -> Streamed

Small data never comes here: a source hands over a plain array up to `IN_MEMORY_BYTES`.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

# Samples up to this size are held as arrays. Pixels of 8 bits become four times as much at the model's input.
IN_MEMORY_BYTES = 256 * 2**20

Rows = slice | np.ndarray
Item = TypeVar("Item")


class Streamed:
    """An array-like (N, ...) of samples: `read` gives those (len(rows), ...) at `rows` of the source."""

    def __init__(self, count: int, read: Callable[[np.ndarray], np.ndarray]) -> None:
        self._rows, self._read = np.arange(count), read

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: int | Rows) -> np.ndarray:
        if isinstance(rows, (int, np.integer)):
            return np.asarray(self._read(self._rows[rows][None])[0])
        return self._read(self._rows[rows])

    def pick(self, rows: Rows) -> Streamed:
        """The samples `rows`, in that order, still unread."""
        chosen = copy.copy(self)
        chosen._rows = self._rows[rows]  # noqa: SLF001  (its own kind)
        return chosen

    @functools.cached_property
    def _one(self) -> np.ndarray:
        return self._read(self._rows[:1])

    @property
    def shape(self) -> tuple[int, ...]:
        """With the samples' axis; seen on the first sample."""
        return (len(self), *self._one.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes, that of the samples included."""
        return self._one.ndim

    @property
    def dtype(self) -> np.dtype:
        """Of the samples as read."""
        return self._one.dtype

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """All samples at once, for callers that know that they fit."""
        del copy
        return self[:] if dtype is None else self[:].astype(dtype)


class FromArray(Streamed):
    """Rows copied out of an array that lies in a file (`np.memmap`)."""

    def __init__(self, array: np.ndarray) -> None:
        super().__init__(len(array), lambda rows: np.array(array[rows]))


class FromItems(Streamed):
    """Samples that a function makes of items, such as pixels of paths."""

    def __init__(self, items: Sequence[Item] | np.ndarray, make: Callable[[Item], np.ndarray]) -> None:
        super().__init__(len(items), lambda rows: np.stack([make(items[row]) for row in rows]))


class Mapped(Streamed):
    """What a function over batches makes of other streamed samples, such as model inputs."""

    def __init__(self, source: Streamed, function: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__(len(source), lambda rows: function(source[rows]))


Array = np.ndarray | Streamed
HeldSamples = np.ndarray | tuple[np.ndarray, ...]
Samples = Array | tuple[Array, ...]  # raw (N, ...) of one input, or a tuple of them for several inputs
ModelInput = Samples  # preprocessed, as a model takes them; streamed where the raw ones are


def pick(array: Array, rows: Rows) -> Array:
    """The samples `rows`; read only where they already are."""
    return array.pick(rows) if isinstance(array, Streamed) else array[rows]


def held(array: Streamed, item_bytes: int) -> Array:
    """The samples themselves where they fit into `IN_MEMORY_BYTES`, else as they are."""
    return array[:] if len(array) and len(array) * item_bytes <= IN_MEMORY_BYTES else array


def parts_of(x: Samples) -> tuple[Array, ...]:
    """The arrays of all inputs."""
    return x if isinstance(x, tuple) else (x,)


def is_streamed(x: Samples) -> bool:
    """Whether an array, or any of a tuple of them, is read on demand."""
    return any(isinstance(part, Streamed) for part in parts_of(x))


def unless_streamed(x: Samples) -> HeldSamples | None:
    """`x`, or None where it is read on demand."""
    return None if is_streamed(x) else in_memory(x)


def batches_of(x: Samples, size: int = 1024) -> Iterator[HeldSamples]:
    """An array or a tuple of them in order, `size` samples at a time."""
    parts = parts_of(x)
    for start in range(0, len(parts[0]), size):
        read = tuple(np.asarray(part[start : start + size]) for part in parts)
        yield read if isinstance(x, tuple) else read[0]


def in_memory(x: Samples) -> HeldSamples:
    """An array or a tuple of them, read whole."""
    return tuple(map(np.asarray, x)) if isinstance(x, tuple) else np.asarray(x)
