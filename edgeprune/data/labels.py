"""Labels of any kind to what a `Split` holds.

What a source has, its shape, and what becomes of it:

    strings, bytes, booleans   (N,)          class numbers, int64; names sorted, so labels.txt repeats itself
    integers                   (N,), (N, 1)  class numbers, int64; regression where the model says so
    one-hot                    (N, C)        class numbers, int64
    several at once            (N, C)        float32 as they are (multi-hot)
    regression                 (N,), (N, K)  float32 as they are
    one per token, CTC         (N, T)        int64, -1 where there is none
    absent                                   None: agreement with the original stands for accuracy

Values are values because the model's output says so; see `ModelSignature.classes`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from edgeprune.data.model_signature import ModelSignature
from edgeprune.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """The labels of all parts that have some, in one representation."""

    parts: Mapping[str, np.ndarray]
    names: tuple[str, ...] | None = None  # of the classes, by number; None where there are no classes
    note: str = ""  # how they were read, where that is not plain


def read_labels(
    parts: Mapping[str, ArrayLike | None], signature: ModelSignature | None = None,
    names: Sequence[str] | None = None,
) -> Labels:
    """Brings raw labels by split into a `Split`'s representation; `names` are classes the source knows."""
    arrays = {name: _plain(np.asarray(y), name) for name, y in parts.items() if y is not None}
    given = list(arrays.values())
    if not given:
        return Labels(arrays)
    if len({y.ndim for y in given}) > 1 or len({y.dtype.kind == "U" for y in given}) > 1:
        raise InputError("The splits' labels are of unlike kinds.", "One kind is expected in all of them.")
    if given[0].dtype.kind == "U":
        return _named(arrays, names)
    numbers = {name: _numbers(y, given, signature) for name, y in arrays.items()}
    one_hot = given[0].ndim == 2 and given[0].shape[1] > 1 and next(iter(numbers.values())).ndim == 1
    note = "One-hot labels became class numbers." if one_hot else ""
    return Labels(numbers, _class_names([*numbers.values()], signature, names), note)


def _plain(y: np.ndarray, name: str) -> np.ndarray:
    """Text as `U`, booleans as integers, a column as a row; everything else must be real numbers."""
    if y.dtype.kind == "O" and all(isinstance(value, (str, bytes)) for value in y.flat):
        y = np.array([text_of(value) for value in y.flat]).reshape(y.shape)
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "biuU":
        y = y[:, 0]
    if y.dtype.kind not in "biufU" or y.ndim == 0 or (y.dtype.kind == "U" and y.ndim > 1):
        raise InputError(
            f"The {name} labels are of dtype {y.dtype} and shape {y.shape}.",
            "Class numbers, class names, one-hot rows or values are expected, one a sample.",
            "Convert them, or leave the labels out: pruning and quantization need none.",
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        raise InputError(
            f"The {name} labels hold NaN or infinity, first at sample {row}.", "Finite labels are expected.",
            "Remove these samples.",
        )
    return y


def text_of(value: str | bytes) -> str:
    """A text; bytes are UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _named(arrays: Mapping[str, np.ndarray], names: Sequence[str] | None) -> Labels:
    found = sorted({str(value) for y in arrays.values() for value in np.unique(y)})
    order = tuple(names or found)
    if unknown := sorted(set(found) - set(order)):
        raise InputError(
            f"There is no class {unknown[0]!r}.", f"Classes are {', '.join(order)}.", "Correct the label."
        )
    for name in order:
        check_class_name(name)
    number = {name: index for index, name in enumerate(order)}
    parts = {split: np.array([number[str(one)] for one in y], np.int64) for split, y in arrays.items()}
    return Labels(parts, order)


def check_class_name(name: str) -> None:
    """Refuses what cannot stand on a line of labels.txt."""
    if not name.strip() or not name.isprintable():
        raise InputError(
            f"A class is called {name!a}.", "Class names are lines of labels.txt: printable text.",
            "Rename it.",
        )


def _numbers(y: np.ndarray, given: Sequence[np.ndarray], signature: ModelSignature | None) -> np.ndarray:
    if y.ndim == 2 and _is_one_hot(given, signature):
        return np.asarray(np.argmax(y, axis=1), np.int64)
    if y.ndim == 2 and signature is not None and len(signature.output) == 1:
        return y.astype(np.float32)
    integers = all(array.dtype.kind in "biu" for array in given)
    values = signature is not None and not signature.classes() and not signature.reconstructs
    if not integers and signature is not None and signature.classes() and y.ndim == 1:
        # Class numbers that a CSV or a float array carries as 3.0 stay class numbers.
        integers = all(bool((array == np.rint(array)).all()) for array in given)
    return y.astype(np.int64) if integers and not values else y.astype(np.float32)


def _is_one_hot(given: Sequence[np.ndarray], signature: ModelSignature | None) -> bool:
    """One 1 a row, for a model that gives one class a sample."""
    if signature is not None and (signature.output != given[0].shape[1:] or signature.head == "sigmoid"):
        return False
    return all(y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all() and (y.sum(1) == 1).all()) for y in given)


def _class_names(
    given: Sequence[np.ndarray], signature: ModelSignature | None, names: Sequence[str] | None
) -> tuple[str, ...] | None:
    if names is not None:
        return tuple(names)
    no_classes = signature is not None and not signature.classes()
    if no_classes or any(y.dtype.kind == "f" or y.ndim != 1 or not len(y) for y in given):
        return None
    return tuple(str(number) for number in range(max(int(y.max()) for y in given) + 1))
