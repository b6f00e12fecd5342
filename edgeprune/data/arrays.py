"""Data in NumPy files: `.npz`, `.npy`, or a folder of `.npy`.

    x_train, y_train, x_validation, y_validation, x_test, y_test     splits as they are, where present
    x, y                                                             the splits are drawn
    x_train_0, x_train_1, ...  or  x_0, x_1, ...                     several inputs, in the model's order

Labels may be missing. A bare `x.npy` takes its labels from a `y.npy` beside it, where there is one.
Samples are as the model takes them; axes of size 1 are added or dropped, and whole numbers become float.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data.archive import read_npy, read_npz_arrays
from edgeprune.data.assemble import Fitted, Raw, dataset_of
from edgeprune.data.dataset import Dataset, Samples, Split
from edgeprune.data.splits import NAMES
from edgeprune.data.streamed import Array
from edgeprune.data.text import fit_texts, strings
from edgeprune.data.wants import InputWanted, Wants
from edgeprune.errors import InputError

_EXPECTED = "Arrays x_train, y_train, x_test, y_test, or x and y, are expected."


def read_archive(source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    """Reads a `.npz` of samples.

    Raises:
        InputError: see `edgeprune.data.archive` and `edgeprune.data.check`.
    """
    return read_npz(Path(source), task, seed, wants)


def read_npz(path: Path, task: str | None = None, seed: int = 0, wants: Wants | None = None) -> Dataset:
    """Reads an archive of samples.

    Raises:
        InputError: see `edgeprune.data.archive` and `edgeprune.data.check`.
    """
    return from_arrays(read_npz_arrays(path), path.stem, path.name, task, wants, seed)


def read_npy_files(source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    """Reads a `.npy` of samples, or a folder of them named as an archive's arrays.

    Raises:
        InputError: see `edgeprune.data.archive` and `edgeprune.data.check`.
    """
    path = Path(source)
    if path.is_dir():
        arrays = {file.stem: read_npy(file) for file in sorted(path.glob("*.npy"))}
    else:
        arrays = {"x": read_npy(path)}
        beside = path.with_name("y.npy")
        if path.name == "x.npy" and beside.is_file():
            arrays["y"] = read_npy(beside)
    return from_arrays(arrays, path.stem, path.name, task, wants, seed)


def from_arrays(
    arrays: Mapping[str, Any], name: str, source: str, task: str | None, wants: Wants | None, seed: int
) -> Dataset:
    """A `Dataset` of arrays by name; see the module.

    Raises:
        InputError: no samples under an expected name, or what `dataset_of` refuses.
    """
    parts = {
        split: found
        for split, suffix in (("train", ""), *((split, f"_{split}") for split in NAMES))
        if (found := _pair(arrays, suffix, source))
    }
    if "train" not in parts:
        raise InputError(
            f"{source} holds {', '.join(sorted(arrays)) or 'nothing'}.", _EXPECTED, "Rename the arrays."
        )
    raw = Raw(parts, name, source)
    return dataset_of(raw, task or task_for(wants), wants, seed, lambda train: fit_arrays(train, wants))


def task_for(wants: Wants | None) -> str:
    """What a model of that input is most often for, where nobody said it."""
    if wants is None:
        return "vision"
    if wants.is_text:
        return "text"
    return {1: "tabular", 2: "speech"}.get(len(wants.inputs[0].shape), "vision")


def _pair(arrays: Mapping[str, Any], suffix: str, source: str) -> tuple[Samples, Any] | None:
    several: list[Array] = []
    while f"x{suffix}_{len(several)}" in arrays:
        several.append(_samples(arrays[f"x{suffix}_{len(several)}"], source))
    y = arrays.get(f"y{suffix}")
    if several:
        return tuple(several), y
    return (_samples(arrays[f"x{suffix}"], source), y) if f"x{suffix}" in arrays else None


def _samples(array: Array, source: str) -> Array:
    """Texts as Python strings; everything else must have an axis of samples."""
    if array.ndim == 0:
        raise InputError(f"{source} holds a single number.", "One sample a row.", "Check the file.")
    if array.dtype.kind == "U":
        return strings(np.asarray(array))
    return array


def fit_arrays(train: Split, wants: Wants | None) -> Fitted:
    """Steps that bring samples into the model's form; nothing is scaled.

    Raises:
        InputError: texts for a model that takes numbers.
    """
    parts = train.x if isinstance(train.x, tuple) else (train.x,)
    wanted = wants.inputs if wants is not None and len(wants.inputs) == len(parts) else None
    fitted = [_fit(part, wanted[number] if wanted else None) for number, part in enumerate(parts)]
    if len(fitted) == 1:
        return fitted[0]
    if any(one.files for one in fitted):
        raise InputError(
            "One of several inputs holds texts.", "Texts are tokenized for models of one input only.",
            "Pass token numbers.",
        )
    return Fitted(tuple({**step, "input": i} for i, one in enumerate(fitted) for step in one.steps))


def _fit(part: Array, want: InputWanted | None) -> Fitted:
    if part.dtype.kind == "O":
        return fit_texts(part, want)
    steps: list[dict[str, Any]] = []
    shape = tuple(part.shape[1:])
    if want is not None and not want.takes(shape):
        same = [size for size in shape if size != 1] == [size for size in want.shape if size != 1]
        if same and None not in want.shape:
            steps.append({"op": "reshape", "shape": list(want.shape)})
    whole = want is not None and want.is_whole
    if part.dtype != np.float32 and part.dtype.kind in "biuf" and not whole:
        steps.append({"op": "rescale", "scale": 1.0, "offset": 0.0})
    return Fitted(tuple(steps))
