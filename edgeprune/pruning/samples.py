"""Calibration data of any of the accepted forms, by sample."""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.pruning.network import Data


def arrays_of(data: Data) -> list[np.ndarray]:
    """The arrays in some data."""
    if isinstance(data, dict):
        return list(data.values())
    return list(data) if isinstance(data, (list, tuple)) else [data]


def as_arrays(data: object) -> Data:
    """Lists of numbers and framework tensors as numpy arrays, the structure kept.

    Raises:
        InputError: the arrays are empty, of different lengths, or hold NaN or infinity.
    """
    made: Data
    if isinstance(data, dict):
        made = {name: np.asarray(value) for name, value in data.items()}
    elif isinstance(data, (list, tuple)):
        made = [np.asarray(value) for value in data]
    else:
        made = np.asarray(data)
    lengths = [len(array) if array.ndim else 0 for array in arrays_of(made)]
    if not lengths or len(set(lengths)) > 1 or not lengths[0]:
        raise InputError(
            f"The calibration arrays have {', '.join(map(str, lengths)) or 'no'} samples.",
            "Every input needs the same number of samples, one or more.",
            "Give one array, or a list with one array for each input.",
        )
    if any(array.dtype.kind == "f" and not np.isfinite(array).all() for array in arrays_of(made)):
        raise InputError(
            "The calibration samples hold NaN or infinity.",
            "Finite numbers are expected.",
            "Leave those samples out.",
        )
    return made


def count(data: Data) -> int:
    """Number of samples."""
    return len(arrays_of(data)[0])


def take(data: Data, index: slice | np.ndarray) -> Data:
    """Some of the samples, by a slice or an array of positions."""
    if isinstance(data, dict):
        return {name: value[index] for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [value[index] for value in data]
    return np.asarray(data[index])
