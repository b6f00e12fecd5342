"""Refuses data that a model cannot be trained or measured on, before anything is done with it."""

from __future__ import annotations

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import Array, FromItems, batches
from edgeprune.data.wants import InputWanted, Wants
from edgeprune.errors import InputError

_NAMED = 5  # classes listed in a message at most


def check(data: Dataset, wants: Wants | None) -> None:
    """Checks samples and labels of all splits.

    Args:
        data: as a source made it.
        wants: the model; None checks what needs none: finite numbers and classes with samples.

    Raises:
        InputError: no samples, a wrong shape, dtype or number of inputs, NaN, labels that the model
            does not have, a class without samples, or a single class.
    """
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        if not len(split):
            raise InputError(f"The {name} split has no samples.", "At least one is expected.", "Add samples.")
        _check_samples(data, split, name, wants)
        if split.y is not None:
            check_labels(split.y, name, wants)
    if data.train.y is not None:
        _check_classes(data.train.y, data.labels, wants)


def _check_samples(data: Dataset, split: Split, name: str, wants: Wants | None) -> None:
    raw = split.x if isinstance(split.x, tuple) else (split.x,)
    for array in raw:
        if not isinstance(array, FromItems):  # these make whole numbers, of which none is NaN
            _check_finite(array, name)
    if wants is None:
        return
    if len(raw) != len(wants.inputs):
        raise InputError(
            f"The data has {len(raw)} input(s) a sample.", f"The model takes {len(wants.inputs)}.",
            "Name them x_train_0, x_train_1, ... in the model's order.",
        )
    one = data.model_input(split.take(slice(0, 1)).x)
    for number, made in enumerate(one if isinstance(one, tuple) else (one,)):
        want = wants.inputs[number]
        _check_form(np.asarray(made), raw[number], want, len(raw) > 1 and number)
        if want.vocabulary and made.dtype.kind != "O":
            whole = data.model_input(split.x)
            _check_tokens(whole[number] if isinstance(whole, tuple) else whole, want, name)


def _check_finite(array: Array, name: str) -> None:
    if array.dtype.kind not in "biufUO":
        raise InputError(
            f"The {name} samples are of dtype {array.dtype}.", "Real numbers or texts are expected.",
            "Convert them.",
        )
    if array.dtype.kind != "f":
        return
    seen = 0
    for batch in batches(array, max(1, (1 << 22) // max(1, int(np.prod(array.shape[1:]))))):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(batch.astype(np.float32, copy=False)).reshape(len(batch), -1).all(axis=1)
        if bad.any():
            raise InputError(
                f"The {name} samples hold NaN or infinity, first in sample {seen + int(np.argmax(bad))}.",
                "Finite 32-bit numbers are expected.", "Repair or remove these samples.",
            )
        seen += len(batch)


def _check_form(made: np.ndarray, raw: Array, want: InputWanted, number: int) -> None:
    """Shape and dtype of one model input."""
    which = f"Input {number} of the data" if number else "The data"
    textual = made.dtype.kind in "OU"
    if textual != (want.dtype == "string"):
        found = "texts" if textual else "numbers"
        expected = "texts" if want.dtype == "string" else f"numbers of the shape {want.shape}"
        raise InputError(
            f"{which} holds {found}.", f"The model takes {expected}.", "Pass what it was trained on."
        )
    if textual:
        return
    if not want.takes(made.shape[1:]):
        raise InputError(
            f"{which} has samples of the shape {tuple(raw.shape[1:])}"
            + (f", {made.shape[1:]} after preprocessing." if made.shape[1:] != raw.shape[1:] else "."),
            f"The model takes {want.shape}.", "Bring the samples into the model's shape.",
        )
    if want.is_whole and made.dtype.kind == "f" and not want.vocabulary:
        raise InputError(
            f"{which} has samples of dtype {made.dtype}.", f"The model takes {want.dtype}.",
            f"Convert them with astype({want.dtype!r}).",
        )


def _check_tokens(made: Array, want: InputWanted, name: str) -> None:
    """Token numbers must be rows of the embedding: beyond it Keras may crash or read zeros."""
    for batch in batches(made, 4096):
        low, high = (batch.min(), batch.max()) if batch.size else (0, 0)
        fractions = batch.dtype.kind == "f" and bool((batch != np.rint(batch)).any())
        if low < 0 or high >= want.vocabulary or fractions:
            raise InputError(
                f"The {name} samples hold token numbers from {low} to {high}.",
                f"The model's embedding has rows 0 to {want.vocabulary - 1}; whole numbers are expected.",
                "Use the vocabulary that the model was trained with.",
            )


def check_labels(y: np.ndarray, name: str, wants: Wants | None) -> None:
    """Checks that the model can answer with the labels of one split.

    Raises:
        InputError: classes or values that it does not have, or another shape.
    """
    if wants is None or wants.reconstructs:
        return
    classes = wants.classes()
    if y.dtype.kind == "i":
        if not classes:
            raise InputError(
                f"The {name} labels are classes.", "The model gives a value, not class scores.",
                "Pass numbers as labels, or a model with a softmax or sigmoid output.",
            )
        _check_numbers(y, name, wants, classes)
    else:
        _check_values(y, name, wants)


def _check_numbers(y: np.ndarray, name: str, wants: Wants, classes: int) -> None:
    room = wants.output[0] if len(wants.output) > 1 else None
    if y.ndim != min(len(wants.output), 2) or (y.ndim == 2 and room is not None and y.shape[1] > room):
        raise InputError(
            f"The {name} labels have the shape {y.shape}.",
            f"The model gives {wants.output} for each sample: labels of the shape "
            + ("(N,)" if len(wants.output) == 1 else f"(N, {room or 'T'})") + " fit.",
            "Pass one class number for each.",
        )
    low, high = int(y.min()), int(y.max())
    if low < (0 if y.ndim == 1 else -1) or high >= classes:
        shifted = low == 1 and high == classes
        raise InputError(
            f"The {name} labels are out of range: they go from {low} to {high}.",
            f"The model has {classes} classes: 0 to {classes - 1} are expected.",
            "Subtract 1 from each." if shifted else "Correct the labels, or take the model they belong to.",
        )


def _check_values(y: np.ndarray, name: str, wants: Wants) -> None:
    shape = y.shape[1:] if y.ndim > 1 else (1,)
    if len(shape) != len(wants.output) or any(
        want not in (None, have) for want, have in zip(wants.output, shape, strict=True)
    ):
        raise InputError(
            f"The {name} labels are values of the shape {y.shape}.",
            f"The model gives {wants.output} for each sample.", "Pass labels of that shape.",
        )
    sums = wants.head != "softmax" or np.allclose(y.sum(-1), 1, atol=1e-3)
    if wants.head != "values" and (y.min() < 0 or y.max() > 1 or not sums):
        raise InputError(
            f"The {name} labels are out of range: values from {y.min():g} to {y.max():g}.",
            f"The model gives probabilities ({wants.head}): 0 to 1 is expected"
            + (", and a sum of 1 for each sample." if wants.head == "softmax" else "."),
            "Correct the labels, or take the model they belong to.",
        )


def _check_classes(y: np.ndarray, labels: tuple[str, ...] | None, wants: Wants | None) -> None:
    """Every class of model and data has training samples, and there are at least two."""
    if wants is not None and wants.reconstructs:
        return
    if y.ndim == 1 and y.dtype.kind == "i":
        names = labels or ()
        number = wants.classes() if wants is not None else len(names)
        seen = np.unique(y)
        if len(seen) == 1:
            raise InputError(
                f"All training samples are of one class, {_name(int(seen[0]), names)}.",
                "At least two classes are expected.",
                "Add samples of another class, or leave the labels out: then agreement with the original "
                "model is measured.",
            )
        empty = sorted(set(range(number)) - set(seen.tolist()))
    elif y.ndim == 2 and wants is not None and wants.head == "sigmoid" and wants.units > 1:
        names, empty = labels or (), np.flatnonzero(~y.any(axis=0)).tolist()
    else:
        return
    if empty:
        listed = ", ".join(_name(label, names) for label in empty[:_NAMED])
        more = f" and {len(empty) - _NAMED} more" if len(empty) > _NAMED else ""
        raise InputError(
            f"No training sample is of class {listed}{more}: an empty class.",
            "Every class of the model needs samples.",
            "Add some, or leave the labels out: pruning and quantization need none, and agreement with the "
            "original model is measured.",
        )


def _name(number: int, names: tuple[str, ...]) -> str:
    return repr(names[number]) if number < len(names) else str(number)
