"""Refuses data that a model cannot be trained or measured on, before anything is done with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.streamed import Array, FromItems, batches_of, parts_of
from edgeprune.errors import InputError
from edgeprune.tasks import OutputTask, several

_NAMED = 5  # classes listed in a message at most


def check(
    data: Dataset, signature: ModelSignature | None, *, listed: bool = False, finite: bool = False
) -> None:
    """Checks samples and labels of all splits; without a signature, finite numbers and classes only.

    Where the source has `listed` its classes, one without samples is no mistake: see `thin_classes`. Samples
    that are known to be `finite` are not looked through again.
    """
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        if not len(split):
            raise InputError(f"The {name} split has no samples.", "At least one is expected.", "Add samples.")
        if not finite:
            check_finite(split, f"{name} ")
        _check_samples(data, split, name, signature)
        check_targets(split, name, signature, data.tasks)
    if data.train.y is not None:
        _check_classes(data, signature, listed=listed)


def check_names(names: Sequence[str], tasks: Sequence[OutputTask], signature: ModelSignature | None) -> None:
    """Refuses more classes than the model tells apart."""
    if signature is None or not tasks or tasks[0].kind not in ("classes", "binary"):
        return
    output = signature.each_output[0]
    if output.loss != "any" and 0 < (number := classes_of(output)) < len(names):
        raise InputError(
            f"There are names for {len(names)} classes: {_listed([repr(name) for name in names])}.",
            f"The model has {number} classes.", "Correct the classes, or take the model they belong to.",
        )


def thin_classes(data: Dataset) -> tuple[str, ...]:
    """Sentences on classes of the first output that have no training or no test samples."""
    names, notes = data.labels or (), []
    for split, follows in ((data.train, "is not trained on"), (data.test, "is not measured on")):
        y = split.labels
        if y is not None and y.ndim == 1 and y.dtype.kind == "i" and names:
            seen = set(np.unique(y).tolist())
            if lacking := [_name(number, names) for number in range(len(names)) if number not in seen]:
                kind = "training" if split is data.train else "test"
                notes.append(
                    f"No {kind} sample is of class {_listed(lacking)}: the model {follows} "
                    f"{'it' if len(lacking) == 1 else 'them'}."
                )
    return tuple(notes)


def _check_samples(data: Dataset, split: Split, name: str, signature: ModelSignature | None) -> None:
    raw = parts_of(split.x)
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


def check_finite(split: Split, name: str) -> None:
    """Refuses samples that are no finite numbers; the first one is named by its place in the split."""
    for array in parts_of(split.x):
        if not isinstance(array, FromItems):  # these make whole numbers, of which none is NaN
            _check_finite(array, name)


def _check_finite(array: Array, name: str) -> None:
    if array.dtype.kind not in "biufUO":
        raise InputError(
            f"The {name}samples are of dtype {array.dtype}.", "Real numbers or texts are expected.",
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
                f"The {name}samples hold NaN or infinity, first in sample {seen + int(np.argmax(bad))}.",
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


def check_targets(
    split: Split, name: str, signature: ModelSignature | None, tasks: Sequence[OutputTask]
) -> None:
    """Refuses labels that the model's outputs cannot be trained towards; a loss of its own reads its own."""
    if signature is None or not tasks:
        return
    outputs = signature.each_output
    for task, output, y in zip(tasks, outputs, several(split.y, len(outputs)), strict=False):
        if y is not None and len(y):
            where = f"The {name} labels" + (f" of the output '{output.name}'" if len(outputs) > 1 else "")
            _check_one(y, where, task, output)


def _check_one(y: np.ndarray, where: str, task: OutputTask, output: OutputSignature) -> None:
    if task.kind in ("anomaly", "boxes", "keypoints", "embedding", "original"):
        return
    if task.kind in ("values", "image") and output.loss in ("numbers", "one_hot"):
        raise InputError(
            f"{where} are values of the shape {y.shape}.", "The model's loss takes classes.",
            "Pass class numbers or one-hot rows, or compile the model with a loss of values.",
        )
    if task.kind in ("classes", "binary", "sequence") and y.dtype.kind in "iub" and (
        y.shape[1:] != output.shape or output.head == "softmax"
    ):
        _check_numbers(y, where, output)
    elif output.loss != "any":
        _check_values(y, where, output)


def classes_of(output: OutputSignature) -> int:
    """How many classes an output tells apart; 0 where it holds no class scores."""
    size = (output.shape[-1] if output.shape else 0) or 0
    if size == 1:  # linear, it is regression; several linear outputs are taken for logits
        return 2 if output.head == "sigmoid" or output.loss == "binary" else 0
    return size


def _check_numbers(y: np.ndarray, where: str, output: OutputSignature) -> None:
    classes = classes_of(output)
    if not classes:
        raise InputError(
            f"{where} are classes.", "The model gives a value, not class scores.",
            "Pass numbers as labels, or a model with a softmax or sigmoid output.",
        )
    positions = output.shape[:-1]
    tags = len(positions) == 1 and y.ndim == 2 and y.shape[1] <= (positions[0] or y.shape[1])
    aligned = len(y.shape) == len(positions) + 1 and all(
        size in (None, found) for size, found in zip(positions, y.shape[1:], strict=True)
    )
    if not aligned and not tags and output.loss != "any":
        raise InputError(
            f"{where} have the shape {y.shape}.",
            f"The model gives {output.shape} for each sample: labels of the shape "
            f"{_label_shape(positions)} fit.",
            "Pass one class number for each.",
        )
    low, high = int(y.min()), int(y.max())
    if aligned and output.loss == "any" and y.ndim > 1:
        return  # it knows what else stands between class numbers, such as 255
    if low < (0 if y.ndim == 1 else -1) or high >= classes:
        raise InputError(
            f"{where} are out of range: they go from {low} to {high}.",
            f"The model has {classes} classes: 0 to {classes - 1} are expected.",
            _way_into_range(y, classes),
        )


def _way_into_range(y: np.ndarray, classes: int) -> str:
    low, high = int(y.min()), int(y.max())
    if low == 1 and high == classes:
        return "Subtract 1 from each."
    values = np.unique(y)
    if len(values) == classes:  # grey levels of a mask, or -1 and 1
        return (
            f"Number the {classes} values that occur ({_listed([str(value) for value in values])}) from 0: "
            "np.unique(labels, return_inverse=True) does it."
        )
    return "Correct the labels, or take the model they belong to."


def _label_shape(positions: Sequence[int | None]) -> str:
    if not positions:
        return "(N,)"
    return f"(N, {', '.join('T' if size is None else str(size) for size in positions)})"


def _check_values(y: np.ndarray, where: str, output: OutputSignature) -> None:
    shape = y.shape[1:] if y.ndim > 1 else (1,)
    positions = output.shape[:-1] if output.shape[-1:] == (1,) else output.shape
    fits = [
        len(shape) == len(expected) and all(
            size in (None, found) for size, found in zip(expected, shape, strict=True)
        ) for expected in (output.shape, positions)
    ]
    if not any(fits):
        name_loss = " If a loss of your own reads these, name it with --loss package.module:function."
        raise InputError(
            f"{where} are values of the shape {y.shape}.", f"The model gives {output.shape} for each sample.",
            f"Pass labels of that shape.{name_loss if output.loss is None else ''}",
        )
    if output.loss == "binary" and (y.min() < 0 or y.max() > 1):
        raise InputError(
            f"{where} are out of range: values from {y.min():g} to {y.max():g}.",
            "The model's loss takes labels from 0 to 1.", "Correct the labels, or compile another loss.",
        )
    sums = output.head != "softmax" or np.allclose(y.sum(-1), 1, atol=1e-3)
    if output.head != "values" and (y.min() < 0 or y.max() > 1 or not sums):
        raise InputError(
            f"{where} are out of range: values from {y.min():g} to {y.max():g}.",
            f"The model gives probabilities ({output.head}): 0 to 1 is expected"
            + (", and a sum of 1 for each sample." if output.head == "softmax" else "."),
            "Correct the labels, or take the model they belong to.",
        )


def _check_classes(data: Dataset, signature: ModelSignature | None, *, listed: bool) -> None:
    """Every class of model and data has training samples, unless listed, and there are at least two."""
    outputs = signature.each_output if signature is not None else (None,)
    labelled = several(data.train.y, len(outputs))
    for task, output, y in zip(data.tasks, outputs, labelled, strict=False):
        if y is None or (output is not None and output.loss == "any"):
            continue
        names = task.classes or ((data.labels or ()) if y is data.train.labels else ())
        if task.kind in ("classes", "binary") and y.ndim == 1 and y.dtype.kind == "i":
            number = classes_of(output) if output else len(names)
            _check_seen(np.unique(y).tolist(), number, names, listed=listed)
        elif task.kind == "multi_label" and y.ndim == 2:
            _check_empty(np.flatnonzero(~y.any(axis=0)).tolist(), names)


def _check_seen(seen: list[int], number: int, names: tuple[str, ...], *, listed: bool) -> None:
    if len(seen) == 1:
        raise InputError(
            f"All training samples are of one class, {_name(seen[0], names)}.",
            "At least two classes are expected.",
            "Add samples of another class, or leave the labels out: then agreement with the original "
            "model is measured.",
        )
    _check_empty(sorted(set(range(len(names) if listed else 0, number)) - set(seen)), names)


def _check_empty(empty: list[int], names: tuple[str, ...]) -> None:
    if empty:
        listed = _listed([_name(label, names) for label in empty])
        raise InputError(
            f"No training sample is of class {listed}: an empty class.",
            "Every class of the model needs samples.",
            "Add some, or leave the labels out: pruning and quantization need none, and agreement with the "
            "original model is measured.",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _name(number: int, names: tuple[str, ...]) -> str:
    return repr(names[number]) if number < len(names) else str(number)
