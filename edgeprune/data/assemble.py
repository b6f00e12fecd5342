"""From what a source holds to a checked `Dataset`; the same way for every source.

raw parts -> labels in one representation -> three splits -> steps fitted on training data -> checks
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from edgeprune.data import check, labels, splits
from edgeprune.data.dataset import Dataset, Samples, Split
from edgeprune.data.wants import Wants
from edgeprune.errors import InputError
from edgeprune.metrics import anomaly

_VALUES = ("r2", "mean_absolute_error")


@dataclasses.dataclass(frozen=True, eq=False)
class Raw:
    """Samples and labels as a source has them.

    Attributes:
        parts: samples and labels (or None) under ``train`` and, where the source has them,
            ``validation`` and ``test``.
        name: short, for reports.
        source: where it is from.
        classes: names of the classes in order, where the source knows them.
    """

    parts: Mapping[str, tuple[Samples, Any]]
    name: str
    source: str
    classes: Sequence[str] | None = None
    licence: str = "as you know it"
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Preprocessing that was fitted on training samples.

    Attributes:
        steps: see `edgeprune.preprocessing`.
        files: texts that the steps name.
        vocabulary: how many token numbers there are.
    """

    steps: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    vocabulary: int = 0
    notes: tuple[str, ...] = ()


def dataset_of(
    raw: Raw, task: str, wants: Wants | None, seed: int, fit: Callable[[Split], Fitted]
) -> Dataset:
    """A `Dataset` with the splits that `raw` lacks.

    Args:
        task: of the model.
        wants: the model; see `edgeprune.data.check`.
        seed: of the splits.
        fit: gets the training split, and nothing else.

    Raises:
        InputError: what `labels.read_labels`, `splits.three`, `fit` and `check.check` refuse.
    """
    read = labels.read_labels({name: y for name, (_, y) in raw.parts.items()}, wants, raw.classes)
    parts = {name: Split(x, read.parts[name]) for name, (x, _) in raw.parts.items()}
    for name, part in parts.items():
        if part.y is not None and len(part.y):
            check.check_labels(part.y, name, wants)
        lengths = [len(array) for array in (part.x if isinstance(part.x, tuple) else (part.x,))]
        lengths += [] if part.y is None else [len(part.y)]
        if len(set(lengths)) > 1:
            raise InputError(
                f"{raw.source}: the {name} samples and labels number {', '.join(map(str, lengths))}.",
                "As many of each are expected.", "Correct the data.",
            )
    found, notes = splits.three(parts, seed)
    if len({split.y is None for split in found.values()}) > 1:
        bare = [name for name, split in found.items() if split.y is None]
        raise InputError(
            f"{raw.source} has no labels for {', '.join(bare)}.", "Labels for all splits or for none.",
            "Add them, or leave all labels out.",
        )
    fitted = fit(found["train"])
    data = Dataset(
        task=task, train=found["train"], validation=found["validation"], test=found["test"],
        preprocessing=fitted.steps, labels=read.names, name=raw.name, source=raw.source,
        licence=raw.licence, metrics=_metrics(found["train"].y, task, wants, read.names), files=fitted.files,
        vocabulary=fitted.vocabulary,
        notes=tuple(note for note in (*raw.notes, read.note, *notes, *fitted.notes) if note),
    )
    check.check(data, wants)
    return data


def _metrics(
    y: np.ndarray | None, task: str, wants: Wants | None, names: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Names from `edgeprune.metrics`; several labels at once are each right or wrong: accuracy.

    Without labels the original model's answers stand for them: its classes, or its values.
    """
    if y is None:
        return ("agreement",) if wants is None or wants.classes() else _VALUES
    if wants is not None and wants.reconstructs:
        return anomaly.NAMES
    if y.dtype.kind == "f":
        return ("accuracy",) if wants is not None and wants.head == "sigmoid" else _VALUES
    if y.ndim == 2 and names is not None and any(name.startswith("B-") for name in names):
        return ("entity_f1", "accuracy")
    return ("accuracy",) if task == "vision" else ("accuracy", "f1_macro")
