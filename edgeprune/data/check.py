"""Refuses data that a model cannot be trained or measured on, before anything is done with it."""

from __future__ import annotations

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.streamed import Array, FromItems, batches_of, parts_of
from edgeprune.errors import InputError

_NAMED = 5  # classes listed in a message at most


def check(data: Dataset, signature: ModelSignature | None) -> None:
    """Checks samples and labels of all splits; without a signature, finite numbers and classes only."""
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        if not len(split):
            raise InputError(f"The {name} split has no samples.", "At least one is expected.", "Add samples.")
        _check_samples(data, split, name, signature)
        if split.y is not None:
            check_labels(split.y, name, signature)
    if data.train.y is not None:
        _check_classes(data.train.y, data.labels, signature)


def _check_samples(data: Dataset, split: Split, name: str, signature: ModelSignature | None) -> None:
    raw = parts_of(split.x)
    for array in raw:
        if not isinstance(array, FromItems):  # these make whole numbers, of which none is NaN
            _check_finite(array, name)
    if signature is None:
        return
    if len(raw) != len(signature.inputs):
        raise InputError(
            f"The data has {len(raw)} input(s) a sample.", f"The model takes {len(signature.inputs)}.",
            "Name them x_train_0, x_train_1, ... in the model's order.",
        )
    one = data.model_input(split.take(slice(0, 1)).x)
    for number, made in enumerate(parts_of(one)):
        expected = signature.inputs[number]
        _check_form(np.asarray(made), raw[number], expected, len(raw) > 1 and number)
        if expected.vocabulary and made.dtype.kind != "O":
            _check_tokens(parts_of(data.model_input(split.x))[number], expected, name)


def _check_finite(array: Array, name: str) -> None:
    if array.dtype.kind not in "biufUO":
        raise InputError(
            f"The {name} samples are of dtype {array.dtype}.", "Real numbers or texts are expected.",
            "Convert them.",
        )
    if array.dtype.kind != "f":
        return
    seen, size = 0, max(1, (1 << 22) // max(1, int(np.prod(array.shape[1:]))))
    for batch in map(np.asarray, batches_of(array, size)):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(batch.astype(np.float32, copy=False)).reshape(len(batch), -1).all(axis=1)
        if bad.any():
            raise InputError(
                f"The {name} samples hold NaN or infinity, first in sample {seen + int(np.argmax(bad))}.",
                "Finite 32-bit numbers are expected.", "Repair or remove these samples.",
            )
        seen += len(batch)


def _check_form(made: np.ndarray, raw: Array, expected: InputSignature, number: int) -> None:
    which = f"Input {number} of the data" if number else "The data"
    textual = made.dtype.kind in "OU"
    if textual != (expected.dtype == "string"):
        takes = "texts" if expected.dtype == "string" else f"numbers of the shape {expected.shape}"
        raise InputError(
            f"{which} holds {'texts' if textual else 'numbers'}.", f"The model takes {takes}.",
            "Pass what it was trained on.",
        )
    if textual:
        return
    if not expected.takes(made.shape[1:]):
        raise InputError(
            f"{which} has samples of the shape {tuple(raw.shape[1:])}"
            + (f", {made.shape[1:]} after preprocessing." if made.shape[1:] != raw.shape[1:] else "."),
            f"The model takes {expected.shape}.", "Bring the samples into the model's shape.",
        )
    if expected.is_integer and made.dtype.kind == "f" and not expected.vocabulary:
        raise InputError(
            f"{which} has samples of dtype {made.dtype}.", f"The model takes {expected.dtype}.",
            f"Convert them with astype({expected.dtype!r}).",
        )


def _check_tokens(made: Array, expected: InputSignature, name: str) -> None:
    """Token numbers must be rows of the embedding: beyond it Keras may crash or read zeros."""
    for batch in map(np.asarray, batches_of(made, 4096)):
        low, high = (batch.min(), batch.max()) if batch.size else (0, 0)
        fractions = batch.dtype.kind == "f" and bool((batch != np.rint(batch)).any())
        if low < 0 or high >= expected.vocabulary or fractions:
            raise InputError(
                f"The {name} samples hold token numbers from {low} to {high}.",
                f"The model's embedding has rows 0 to {expected.vocabulary - 1}; whole numbers are expected.",
                "Use the vocabulary that the model was trained with.",
            )


def check_labels(y: np.ndarray, name: str, signature: ModelSignature | None) -> None:
    """Refuses classes or values that the model does not have, or another shape."""
    if signature is None or signature.reconstructs:
        return
    classes = signature.classes()
    if y.dtype.kind == "i":
        if not classes:
            raise InputError(
                f"The {name} labels are classes.", "The model gives a value, not class scores.",
                "Pass numbers as labels, or a model with a softmax or sigmoid output.",
            )
        _check_numbers(y, name, signature, classes)
    else:
        _check_values(y, name, signature)


def _check_numbers(y: np.ndarray, name: str, signature: ModelSignature, classes: int) -> None:
    positions = signature.output[0] if len(signature.output) > 1 else None
    too_long = y.ndim == 2 and positions is not None and y.shape[1] > positions
    if y.ndim != min(len(signature.output), 2) or too_long:
        raise InputError(
            f"The {name} labels have the shape {y.shape}.",
            f"The model gives {signature.output} for each sample: labels of the shape "
            + ("(N,)" if len(signature.output) == 1 else f"(N, {positions or 'T'})") + " fit.",
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


def _check_values(y: np.ndarray, name: str, signature: ModelSignature) -> None:
    shape = y.shape[1:] if y.ndim > 1 else (1,)
    if len(shape) != len(signature.output) or any(
        expected not in (None, size) for expected, size in zip(signature.output, shape, strict=True)
    ):
        raise InputError(
            f"The {name} labels are values of the shape {y.shape}.",
            f"The model gives {signature.output} for each sample.", "Pass labels of that shape.",
        )
    sums = signature.head != "softmax" or np.allclose(y.sum(-1), 1, atol=1e-3)
    if signature.head != "values" and (y.min() < 0 or y.max() > 1 or not sums):
        raise InputError(
            f"The {name} labels are out of range: values from {y.min():g} to {y.max():g}.",
            f"The model gives probabilities ({signature.head}): 0 to 1 is expected"
            + (", and a sum of 1 for each sample." if signature.head == "softmax" else "."),
            "Correct the labels, or take the model they belong to.",
        )


def _check_classes(y: np.ndarray, labels: tuple[str, ...] | None, signature: ModelSignature | None) -> None:
    """Every class of model and data has training samples, and there are at least two."""
    if signature is not None and signature.reconstructs:
        return
    if y.ndim == 1 and y.dtype.kind == "i":
        names = labels or ()
        number = signature.classes() if signature is not None else len(names)
        seen = np.unique(y)
        if len(seen) == 1:
            raise InputError(
                f"All training samples are of one class, {_name(int(seen[0]), names)}.",
                "At least two classes are expected.",
                "Add samples of another class, or leave the labels out: then agreement with the original "
                "model is measured.",
            )
        empty = sorted(set(range(number)) - set(seen.tolist()))
    elif y.ndim == 2 and signature is not None and signature.head == "sigmoid" and signature.output_size > 1:
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
