"""Batches of samples that are read from disk while the model trains."""

from __future__ import annotations

from typing import Any

import numpy as np


def sequence_of(
    keras: Any, x: Any, values: Any, weights: Any, batch_size: int, order: np.ndarray
) -> Any:
    """A Keras `Sequence` over streamed inputs.

    Args:
        keras: the model's own Keras.
        x: array-like (N, ...), or a tuple of them.
        values: targets (N, ...), or a list of them for several outputs.
        weights: of samples like `values`, or None.
        batch_size: samples of a step.
        order: (N,) rows in the order they are read.
    """

    def rows_of(arrays: Any, rows: np.ndarray) -> Any:
        if isinstance(arrays, (tuple, list)):
            return type(arrays)(np.asarray(array[rows]) for array in arrays)
        return np.asarray(arrays[rows])

    class Rows(keras.utils.Sequence):  # type: ignore[misc]
        """One batch by its number."""

        def __len__(self) -> int:
            return (len(order) + batch_size - 1) // batch_size

        def __getitem__(self, number: int) -> tuple[Any, ...]:
            rows = order[number * batch_size : (number + 1) * batch_size]
            batch = rows_of(x, rows), rows_of(values, rows)
            return batch if weights is None else (*batch, rows_of(weights, rows))

    return Rows()
