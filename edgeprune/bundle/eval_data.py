"""`eval.npz`: samples to measure accuracy with on the device.

Arrays: `x` (N, …) raw samples before preprocessing, or `x_0`, `x_1`, … for a model with several inputs;
`y` (N, …) truth, or `y_0`, `y_1`, … for the outputs that have some. Never pickled.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from edgeprune.errors import InputError


@dataclasses.dataclass(frozen=True)
class EvalData:
    """One array (N, …) per model input, in the model's order, and the truth (N, …) of each output."""

    inputs: tuple[np.ndarray, ...]
    targets: tuple[Optional[np.ndarray], ...]  # noqa: UP045 - None for an output without labels

    def __len__(self) -> int:
        return len(self.inputs[0])

    @property
    def y(self) -> np.ndarray:
        """The truth of the first output that has some."""
        return next(y for y in self.targets if y is not None)

    def take(self, rows: slice) -> EvalData:
        """The samples `rows`."""
        targets = tuple(None if y is None else y[rows] for y in self.targets)
        return EvalData(tuple(array[rows] for array in self.inputs), targets)


def pack_eval(
    inputs: Sequence[np.ndarray],
    truth: Union[np.ndarray, Sequence[Optional[np.ndarray]]],  # noqa: UP007, UP045
) -> bytes:
    """Bytes of an `eval.npz` for one array per model input and one per output; see `EvalData`."""
    targets = (truth,) if isinstance(truth, np.ndarray) else truth
    named = zip((*_names("x", len(inputs)), *_names("y", len(targets))), (*inputs, *targets))
    arrays: dict[str, Any] = {name: array for name, array in named if array is not None}
    if any(array.dtype.hasobject for array in arrays.values()):
        raise InputError("Evaluation samples hold Python objects.", "Numbers or fixed-width text fit.")
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
    inputs = [found[name] for name in _numbered("x", found) if name in found]
    targets = [found.get(name) for name in _numbered("y", found)]
    there = [y for y in targets if y is not None]
    if not there or not inputs or len(found) != len(inputs) + len(there):
        raise InputError(f"{path} holds {sorted(found)}.", "Arrays x (or x_0, x_1, …) and y were expected.")
    if len({len(array) if array.ndim else -1 for array in (*inputs, *there)}) != 1:
        raise InputError(f"{path} holds arrays of unlike lengths.", "One truth for each sample is expected.")
    return EvalData(tuple(inputs), tuple(targets))


def _names(letter: str, count: int) -> list[str]:
    return [letter] if count == 1 else [f"{letter}_{index}" for index in range(count)]


def _numbered(letter: str, found: Mapping[str, np.ndarray]) -> list[str]:
    """Names in the model's order; of the truth, numbers may be missing."""
    if letter in found:
        return [letter]
    numbers = [int(name[2:]) for name in found if re.fullmatch(letter + r"_[0-9]{1,4}", name)]
    return [f"{letter}_{index}" for index in range(max(numbers, default=-1) + 1)] if numbers else []
