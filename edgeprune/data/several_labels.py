"""Several columns of numbers that are the labels of one output: a value, a tag or a class each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.data.columns import Column
from edgeprune.data.model_signature import OutputSignature


def one_for_each_value(columns: Mapping[str, Column], output: OutputSignature | None) -> tuple[str, ...]:
    """The columns, where they are as many as an output gives values and hold what it may give; else none."""
    units = (output.shape[-1] if output is not None and len(output.shape) == 1 else None) or 0
    if output is None or units < 2 or len(columns) != units:
        return ()
    if output.head == "softmax" or output.loss in ("numbers", "one_hot"):
        return tuple(columns) if are_one_hot(list(columns.values())) else ()
    cells = np.stack([one.numbers for one in columns.values()])
    from_0_to_1 = output.head == "sigmoid" or output.loss == "binary"
    return () if from_0_to_1 and not ((cells >= 0) & (cells <= 1)).all() else tuple(columns)


def are_one_hot(columns: Sequence[Column]) -> bool:
    """Whether in each row one of some columns is 1 and the others are 0."""
    rows = np.stack([one.numbers for one in columns], axis=1)
    return bool(np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all())
