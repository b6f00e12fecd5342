"""`eval.npz`: samples to measure accuracy with on the device.

Arrays: `x` (N, …) raw samples before preprocessing, or `x_0`, `x_1`, … for a model with several inputs;
`y` (N, …) truth. Never pickled.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.errors import InputError


@dataclasses.dataclass(frozen=True)
class EvalData:
    """One array (N, …) per model input, in the model's order, and the truth (N, …)."""

    inputs: tuple[np.ndarray, ...]
    y: np.ndarray


def pack_eval(inputs: Sequence[np.ndarray], y: np.ndarray) -> bytes:
    """Bytes of an `eval.npz` for one array per model input; see `EvalData`."""
    names = ["x"] if len(inputs) == 1 else [f"x_{index}" for index in range(len(inputs))]
    if any(array.dtype.hasobject for array in (*inputs, y)):
        raise InputError("Evaluation samples hold Python objects.", "Numbers or fixed-width text fit.")
    arrays: dict[str, Any] = {"y": y, **dict(zip(names, inputs))}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def load_eval(path: Path) -> EvalData:
    """Read an `eval.npz`; an `InputError` if it is damaged, pickled, incomplete or of unlike lengths."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    # zlib, zipfile and numpy each raise errors of their own on bad bytes.
    except Exception as error:
        raise InputError(f"{path} cannot be read ({error}).", "Arrays x and y were expected.") from error
    names = ["x"] if "x" in found else [f"x_{i}" for i in range(len(found) - 1)]
    if "y" not in found or not set(names) <= set(found) or not names:
        raise InputError(f"{path} holds {sorted(found)}.", "Arrays x (or x_0, x_1, …) and y were expected.")
    inputs = tuple(found[name] for name in names)
    if len({len(array) if array.ndim else -1 for array in (*inputs, found["y"])}) != 1:
        raise InputError(f"{path} holds arrays of unlike lengths.", "One truth for each sample is expected.")
    return EvalData(inputs, found["y"])
