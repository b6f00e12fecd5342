"""Data in memory as a `.npz`, for other processes: the workers of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data.containers import ContainerReader, holds_named_arrays
from edgeprune.data.streamed import Array, parts_of
from edgeprune.tasks import several


def save_given(given: object, path: Path, reader: ContainerReader) -> None:
    """Writes all samples, labels and weights; the same data gives the same bytes.

    Raises:
        InputError: it is of no known form, or does not end.
    """
    arrays: dict[str, Array]
    if isinstance(given, Mapping) and holds_named_arrays(given):
        arrays = dict(reader.named(given))
    else:
        arrays = {}
        for name, part in reader.parts(given).items():
            split = reader.split(part)
            arrays |= {f"x_{name}_{number}": array for number, array in enumerate(parts_of(split.x))}
            labels = () if split.y is None else several(split.y)
            arrays |= {f"y_{name}_{number}": y for number, y in enumerate(labels) if y is not None}
            if isinstance(split.weights, tuple):
                each = enumerate(split.weights)
                arrays |= {f"sample_weight_{name}_{number}": one for number, one in each if one is not None}
            elif split.weights is not None:
                arrays[f"sample_weight_{name}"] = split.weights
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {name: np.asarray(array) for name, array in arrays.items()}
    # Texts travel as numpy's own strings, without pickle.
    texts: dict[str, Any] = {name: one.astype(str) for name, one in held.items() if one.dtype.hasobject}
    np.savez(path, **{**held, **texts})
