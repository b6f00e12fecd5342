"""Batches of samples that are read from disk while the model trains."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from edgeprune.data.streamed import Array
from edgeprune.keras_types import KerasModule, KerasTensor

Arrays: TypeAlias = Array | list[np.ndarray] | tuple[Array, ...]


def sequence_of(
    keras: KerasModule, x: KerasTensor, values: Arrays | None, weights: Arrays | None, batch_size: int,
    order: np.ndarray,
) -> object:
    """A `Sequence` of the Keras version `keras` over streamed inputs.

    `values` are the targets and `weights` those of the samples, lists for several outputs, None where nothing
    is learned; `order` (N,) says in which order the rows are read.
    """

    def rows_of(arrays: KerasTensor, rows: np.ndarray) -> object:
        if isinstance(arrays, dict):
            return {name: rows_of(array, rows) for name, array in arrays.items()}
        if isinstance(arrays, (tuple, list)):
            return type(arrays)(rows_of(array, rows) for array in arrays)
        return np.asarray(arrays[rows])

    class Rows(keras.utils.Sequence):  # type: ignore[misc]
        def __len__(self) -> int:
            return (len(order) + batch_size - 1) // batch_size

        def __getitem__(self, number: int) -> tuple[object, ...]:
            rows = order[number * batch_size : (number + 1) * batch_size]
            if values is None:
                return (rows_of(x, rows),)
            batch = rows_of(x, rows), rows_of(values, rows)
            return batch if weights is None else (*batch, rows_of(weights, rows))

    return Rows()
