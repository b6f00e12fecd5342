"""Calibration data of any of the accepted forms, by sample, and its labels."""

from collections.abc import Callable
from typing import Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.pruning.network import Data


def arrays_of(data: Data) -> list[np.ndarray]:
    """The arrays in some data."""
    if isinstance(data, dict):
        return list(data.values())
    return list(data) if isinstance(data, (list, tuple)) else [data]


def as_arrays(data: object) -> Data:
    """Lists of numbers and framework tensors as numpy arrays, the structure kept; empty ones are refused."""
    made = _each(data, np.asarray)
    lengths = [len(array) if array.ndim else 0 for array in arrays_of(made)]
    if not lengths or len(set(lengths)) > 1 or not lengths[0]:
        raise InputError(
            f"The calibration arrays have {', '.join(map(str, lengths)) or 'no'} samples.",
            "Every input needs the same number of samples, one or more.",
            "Give one array, or a list with one array for each input.",
        )
    if any(array.dtype.kind == "f" and not np.isfinite(array).all() for array in arrays_of(made)):
        raise InputError(
            "The calibration samples hold NaN or infinity.", "Finite numbers are expected.",
            "Leave those samples out.",
        )
    return made


def checked_labels(labels: object, data: Data | None) -> np.ndarray | None:
    """The labels as an array, one for each sample; None where there are none, or no samples."""
    if labels is None or data is None:
        return None
    array = np.atleast_1d(np.asarray(labels))
    if len(array) != count(data):
        given = f"{len(array)} labels were given for {count(data)} calibration samples."
        raise InputError(given, "One for each is expected.")
    return array


def count(data: Data) -> int:
    """Number of samples."""
    return len(arrays_of(data)[0])


def take(data: Data, index: slice | np.ndarray) -> Data:
    """Some of the samples, by a slice or an array of positions."""
    return _each(data, lambda array: np.asarray(array[index]))


def _each(data: object, change: Callable[[Any], np.ndarray]) -> Data:
    if isinstance(data, dict):
        return {name: change(value) for name, value in data.items()}
    return [change(value) for value in data] if isinstance(data, (list, tuple)) else change(data)


def at_most(data: Data, number: int, seed: int) -> Data:
    """The samples, or a random choice of this many in their order."""
    total = count(data)
    if total <= number:
        return data
    return take(data, np.sort(np.random.default_rng(seed).choice(total, number, replace=False)))


def split(data: Data, held_fraction: float, seed: int) -> tuple[Data, Data]:
    """Most of the samples, and a fraction that is held out; all of them twice where there are few."""
    seen, held = halves(count(data), held_fraction, seed)
    return take(data, seen), take(data, held)


def halves(total: int, held_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the samples that `split` looks at, and of those that it holds out."""
    held = round(total * held_fraction)
    if held < 1:
        return np.arange(total), np.arange(total)
    order = np.random.default_rng(seed).permutation(total)
    return np.sort(order[held:]), np.sort(order[:held])


def at_most_of(data: Data, index: np.ndarray, number: int, seed: int) -> Data:
    """`at_most` of the samples at some positions, copied once."""
    if len(index) > number:
        index = index[np.sort(np.random.default_rng(seed).choice(len(index), number, replace=False))]
    return data if len(index) == count(data) else take(data, index)
