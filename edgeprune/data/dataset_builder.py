"""From what a source holds to a checked `Dataset`; the same way for every source.

raw parts -> labels in one representation -> three splits -> steps fitted on training data -> checks
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from edgeprune.data import check, labels, splits
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.streamed import Samples, parts_of
from edgeprune.errors import InputError
from edgeprune.metrics import anomaly
from edgeprune.preprocessing import Step

_VALUES = ("r2", "mean_absolute_error")
RawParts = Mapping[str, tuple[Samples, "ArrayLike | None"]]
"""Samples and labels (or None) as a source has them, under ``train`` and, where there are such splits,
``validation`` and ``test``."""


@dataclasses.dataclass(frozen=True)
class DataRequest:
    """What a reader of data is asked for."""

    source: str  # as it was typed; see `edgeprune.data.sources`
    task: str | None = None  # of the model, where the source does not tell it (arrays, functions)
    signature: ModelSignature | None = None  # without one only what needs no model is checked
    seed: int = 0  # of splits that have to be drawn, and of silence in speech

    @property
    def path(self) -> Path:
        """The source as a file or folder."""
        return Path(self.source)

    @property
    def first_input(self) -> InputSignature | None:
        """The model's only input, or its first one."""
        return self.signature.inputs[0] if self.signature is not None else None

    @property
    def model_scales(self) -> bool:
        """Whether the model scales its input itself."""
        return self.signature is not None and self.signature.scales

    @property
    def likely_task(self) -> str:
        """The task that was asked for, else what a model of such an input is most often for."""
        if self.task or self.signature is None:
            return self.task or "vision"
        if self.signature.is_text:
            return "text"
        return {1: "tabular", 2: "speech"}.get(len(self.signature.inputs[0].shape), "vision")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Steps that were fitted on training samples, texts that they name, and the number of tokens."""

    steps: tuple[Step, ...] = ()
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    vocabulary: int = 0
    notes: tuple[str, ...] = ()


def build_dataset(
    request: DataRequest, task: str, parts: RawParts, preprocessing: Callable[[Split], Preprocessing], *,
    name: str, source: str, classes: Sequence[str] | None = None, licence: str = "as you know it",
    notes: tuple[str, ...] = (),
) -> Dataset:
    """A checked `Dataset` with all three splits: those missing in `parts` are drawn from ``train``.

    `preprocessing` sees the training split alone; `classes` are names in order, where the source knows them.
    """
    signature = request.signature
    read = labels.read_labels({part: y for part, (_, y) in parts.items()}, signature, classes)
    given = {part: Split(x, read.parts.get(part)) for part, (x, _) in parts.items()}
    for part, split in given.items():
        if split.y is not None and len(split.y):
            check.check_labels(split.y, part, signature)
        lengths = [len(array) for array in parts_of(split.x)] + ([] if split.y is None else [len(split.y)])
        if len(set(lengths)) > 1:
            raise InputError(
                f"{source}: the {part} samples and labels number {', '.join(map(str, lengths))}.",
                "As many of each are expected.", "Correct the data.",
            )
    found, drawn = splits.make_splits(given, request.seed)
    if bare := [part for part, split in found.items() if split.y is None and read.parts]:
        raise InputError(
            f"{source} has no labels for {', '.join(bare)}.", "Labels for all splits or for none.",
            "Add them, or leave all labels out.",
        )
    train = found["train"]
    fitted = preprocessing(train)
    data = Dataset(
        task, train, found["validation"], found["test"], fitted.steps, read.names, name, source=source,
        licence=licence, metrics=_metrics(train.y, task, signature, read.names),
        files=fitted.files, vocabulary=fitted.vocabulary,
        notes=tuple(note for note in (*notes, read.note, *drawn, *fitted.notes) if note),
    )
    check.check(data, signature)
    return data


def _metrics(
    y: np.ndarray | None, task: str, signature: ModelSignature | None, names: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Names from `edgeprune.metrics`; several labels at once are each right or wrong: accuracy."""
    if y is None:  # the original model's predictions stand for labels: its classes, or its values
        return ("agreement",) if signature is None or signature.classes() else _VALUES
    if signature is not None and signature.reconstructs:
        return anomaly.NAMES
    if y.dtype.kind == "f":
        return ("accuracy",) if signature is not None and signature.head == "sigmoid" else _VALUES
    if y.ndim == 2 and names is not None and any(name.startswith("B-") for name in names):
        return ("entity_f1", "accuracy")
    return ("accuracy",) if task == "vision" else ("accuracy", "f1_macro")
