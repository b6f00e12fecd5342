"""Labels of any kind, of one output or several, to what a `Split` holds.

Class names become numbers, sorted, so that labels.txt repeats itself; `edgeprune.data.targets` says what
numbers are. Where labels are absent, agreement with the original stands for accuracy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from edgeprune.data.model_signature import ModelSignature, OutputSignature
from edgeprune.data.targets import OutputTargets, metrics_for, read_numbers
from edgeprune.errors import InputError
from edgeprune.tasks import OutputTask, TargetKind, Targets


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """The labels of all parts that have some, in one representation, and what they are."""

    parts: Mapping[str, np.ndarray | Targets]
    tasks: tuple[OutputTask, ...] = ()  # one for each output of the model; none without labels
    notes: tuple[str, ...] = ()  # how they were read, where that is not plain
    sorted_names: bool = False  # the first output's classes are names that the source has in no order

    @property
    def names(self) -> tuple[str, ...] | None:
        """Of the classes of the first output that has some, by number."""
        return next((task.classes for task in self.tasks if task.classes), None)


RawTargets = ArrayLike | tuple["ArrayLike | None", ...] | None
"""Labels as a source has them: of the only output (or the first), or one entry for each output."""


def read_labels(
    parts: Mapping[str, RawTargets], signature: ModelSignature | None = None,
    names: Sequence[str] | None = None,
) -> Labels:
    """Brings raw labels by split into a `Split`'s representation; `names` are classes the source knows.

    Raises:
        InputError: labels of no known kind, or of other kinds in other splits.
    """
    outputs: Sequence[OutputSignature | None] = signature.each_output if signature is not None else (None,)
    rows = {part: _by_output(y, len(outputs), part) for part, y in parts.items() if y is not None}
    if not any(y is not None for row in rows.values() for y in row):
        return Labels({})
    columns: list[Mapping[str, np.ndarray]] = []
    tasks: list[OutputTask] = []
    notes: list[str] = []
    for number, output in enumerate(outputs):
        given = {part: row[number] for part, row in rows.items()}
        task, arrays, note = _one_output(given, output, number, signature, names if number == 0 else None)
        tasks.append(dataclasses.replace(task, name=output.name if output and len(outputs) > 1 else ""))
        columns.append(arrays)
        notes.append(note if len(outputs) == 1 or not note else f"{task.name}: {note}")
    found = {part: tuple(column.get(part) for column in columns) for part in rows}
    several = {part: row if len(outputs) > 1 else row[0] for part, row in found.items()}
    named = any(
        row[0] is not None and np.asarray(row[0]).dtype.kind in "USO" for row in rows.values()
    )
    return Labels(
        {part: y for part, y in several.items() if y is not None}, tuple(tasks), tuple(filter(None, notes)),
        sorted_names=named and names is None,
    )


def _one_output(
    given: Mapping[str, ArrayLike | None], output: OutputSignature | None, number: int,
    signature: ModelSignature | None, names: Sequence[str] | None,
) -> tuple[OutputTask, Mapping[str, np.ndarray], str]:
    gaps = output is not None and output.loss == "any"
    arrays = {part: _plain(np.asarray(y), part, gaps=gaps) for part, y in given.items() if y is not None}
    if not arrays:
        kind: TargetKind = "original"
        return OutputTask(kind, metrics_for(kind, None, None)), arrays, ""
    shapes = {(y.ndim, y.dtype.kind == "U") for y in arrays.values()}
    if len(shapes) > 1:
        raise InputError("The splits have labels of different kinds.", "One kind is expected in all of them.")
    order = tuple(names) if names is not None else None
    if next(iter(arrays.values())).dtype.kind == "U":
        order, arrays = _named(arrays, names)
    reconstructs = number == 0 and signature is not None and signature.reconstructs
    unknown = any(y.dtype.kind == "f" and bool(np.isnan(y).any()) for y in arrays.values())
    read = OutputTargets(arrays, "original") if unknown else read_numbers(arrays, output, reconstructs)
    if order is not None and read.kind == "values":
        raise InputError(
            "The labels are classes.", "The model gives a value, not class scores.",
            "Pass numbers as labels, or a model with a softmax or sigmoid output.",
        )
    if order is None:
        order = _numbered(read)
    threshold = 0.0 if output is not None and output.logits else 0.5
    first = next(iter(read.parts.values()))
    task = OutputTask(
        read.kind, metrics_for(read.kind, first, order), classes=order or (), threshold=threshold
    )
    return task, read.parts, read.note


def _by_output(y: RawTargets, outputs: int, part: str) -> tuple[ArrayLike | None, ...]:
    if not isinstance(y, tuple):
        return (y,) + (None,) * (outputs - 1)
    if len(y) != outputs:
        raise InputError(
            f"The {part} labels are for {len(y)} outputs.", f"The model has {outputs}.",
            "Pass one array of labels for each output, in the model's order.",
        )
    return y


def _numbered(read: OutputTargets) -> tuple[str, ...] | None:
    """Class numbers as names, for one class a sample."""
    given = list(read.parts.values())
    if read.kind not in ("classes", "binary") or any(
        y.dtype.kind not in "iu" or y.ndim != 1 or not len(y) for y in given
    ):
        return None
    return tuple(str(number) for number in range(max(int(y.max()) for y in given) + 1))


def _plain(y: np.ndarray, name: str, *, gaps: bool) -> np.ndarray:
    """Text as `U`, booleans as integers, a column as a row; everything else must be real numbers.

    NaN may stand for `gaps` in labels that a loss of its author's own reads.
    """
    if y.dtype.kind == "O" and all(isinstance(value, (str, bytes)) for value in y.flat):
        y = np.array([text_of(value) for value in y.flat]).reshape(y.shape)
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "biuU":
        y = y[:, 0]
    if y.dtype.kind == "f" and y.dtype != np.float32:
        y = y.astype(np.float32)
    if y.dtype.kind not in "biufU" or y.ndim == 0 or (y.dtype.kind == "U" and y.ndim > 1):
        raise InputError(
            f"The {name} labels are of dtype {y.dtype} and shape {y.shape}.",
            "Class numbers, class names, one-hot rows or values are expected, one a sample.",
            "Convert them, or leave the labels out: pruning and quantization need none.",
        )
    wrong = ~np.isfinite(y) & ~(np.isnan(y) & gaps) if y.dtype.kind == "f" else np.zeros(1, bool)
    if wrong.any():
        raise InputError(
            f"The {name} labels hold NaN or infinity, first at sample {int(np.argwhere(wrong)[0][0])}.",
            "Finite labels are expected.",
            "Remove these samples, or compile the model with a loss of your own that leaves NaN out.",
        )
    return y


def text_of(value: str | bytes) -> str:
    """A text; bytes are UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _named(
    arrays: Mapping[str, np.ndarray], names: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Names in order, and numbers for them."""
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
    return order, parts


def check_class_name(name: str) -> None:
    """Refuses what cannot stand on a line of labels.txt."""
    if not name.strip() or not name.isprintable():
        raise InputError(
            f"A class is called {name!a}.", "Class names are lines of labels.txt: printable text.",
            "Rename it.",
        )
