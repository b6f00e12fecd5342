"""Data from a NumPy archive: ``x_train, y_train, x_test, y_test`` or ``x, y``.

Also ``x_validation, y_validation``. Splits that the file does not have are drawn from what it has,
stratified by class.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.errors import InputError

_EXPECTED = "Arrays x_train, y_train, x_test, y_test, or x and y, are expected."
_TEST, _VALIDATION = 0.2, 0.15


def read_npz(path: Path, task: str = "vision", seed: int = 0) -> Dataset:
    """Reads an archive of samples as the model takes them.

    Args:
        path: a `.npz`; nothing in it is unpickled.
        task: of the model.
        seed: of the splits that have to be drawn.

    Raises:
        InputError: unreadable, without the arrays, unequal lengths, NaN, or too few samples.
    """
    arrays = _load(path)
    whole = _pair(arrays, "", path) if "x" in arrays else _pair(arrays, "_train", path)
    test = _pair(arrays, "_test", path) if "x_test" in arrays else None
    validation = _pair(arrays, "_validation", path) if "x_validation" in arrays else None
    if test is None:
        whole, test = _cut(whole, _TEST, seed)
    if validation is None:
        whole, validation = _cut(whole, _VALIDATION, seed + 1)
    for name, split in (("training", whole), ("validation", validation), ("test", test)):
        if not len(split):
            raise InputError(f"{path} leaves no samples for the {name} split.", "At least 20 are needed.")
    labels = None
    if whole.y is not None and whole.y.ndim == 1 and np.issubdtype(whole.y.dtype, np.integer):
        count = int(max(split.y.max() for split in (whole, validation, test) if split.y is not None)) + 1
        labels = tuple(str(number) for number in range(count))
    return Dataset(
        task=task, train=whole, validation=validation, test=test, labels=labels,
        name=path.stem, source=str(path.name), licence="as you know it",
    )


def _load(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError(f"There is no data file {path}.", _EXPECTED)
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # zipfile, zlib and numpy each raise their own on bad bytes
        raise InputError(f"{path} cannot be read as a NumPy archive ({error}).", _EXPECTED) from error


def _pair(arrays: dict[str, np.ndarray], suffix: str, path: Path) -> Split:
    x, y = arrays.get(f"x{suffix}"), arrays.get(f"y{suffix}")
    if x is None:
        raise InputError(f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}.", _EXPECTED)
    if y is not None and len(y) != len(x):
        raise InputError(f"{path} has {len(x)} samples and {len(y)} labels.", "One label each is expected.")
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        raise InputError(f"{path}: x{suffix} holds NaN or infinity.", "Finite samples are expected.")
    return Split(x, y.reshape(-1).astype(np.int64) if y is not None and _is_column(y) else y)


def _is_column(y: np.ndarray) -> bool:
    return np.issubdtype(y.dtype, np.integer) and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1))


def _cut(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Takes a share out, of every class the same."""
    generator = np.random.default_rng(seed)
    labels = split.y if split.y is not None and split.y.ndim == 1 else np.zeros(len(split), int)
    taken = np.zeros(len(split), bool)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        taken[rows[: max(1, round(share * len(rows)))]] = len(rows) > 1
    return split.take(~taken), split.take(taken)
