"""From what a source holds to a checked `Dataset`; the same way for every source.

raw parts -> labels in one representation -> three splits -> steps fitted on training data -> checks
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import check, labels, splits
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.decisions import decided, sizes
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sample_weights import RawWeights, lengths_of, read_weights
from edgeprune.data.streamed import Samples, parts_of
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step
from edgeprune.recipe.sections import DataSettings
from edgeprune.tasks import OutputTask, Targets, several

_VALUES = ("r2", "mean_absolute_error")
RawParts = Mapping[str, tuple[Samples, "labels.RawTargets"]]
"""Samples and labels (or None; a tuple for several outputs) as a source has them, under ``train`` and, where
there are such splits, ``validation`` and ``test``."""


def untold(done: float) -> None:
    """Nobody asks how far reading is."""
    del done


@dataclasses.dataclass(frozen=True)
class DataRequest:
    """What a reader of data is asked for."""

    source: str  # as it was typed; see `edgeprune.data.sources`
    task: str | None = None  # of the model, where the source does not tell it (arrays, functions)
    signature: ModelSignature | None = None  # without one only what needs no model is checked
    seed: int = 0  # of splits that have to be drawn, and of silence in speech
    settings: DataSettings = dataclasses.field(default_factory=DataSettings)
    progress: Callable[[float], None] = untold  # told the fraction that is read

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
    notes: tuple[str, ...] = ()  # sentences


def build_dataset(
    request: DataRequest, task: str, parts: RawParts, preprocessing: Callable[[Split], Preprocessing], *,
    name: str, source: str, classes: Sequence[str] | None = None, licence: str = "not stated",
    notes: tuple[str, ...] = (), skipped: tuple[str, ...] = (),
    weights: RawWeights | None = None, tasks: tuple[OutputTask, ...] | None = None,
    complete: Callable[[Mapping[str, Split]], Mapping[str, Split]] = dict,
) -> Dataset:
    """A checked `Dataset` with all three splits: those missing in `parts` are drawn from ``train``.

    `preprocessing` sees the training split alone; `classes` are names in order, where the source knows them;
    `notes` are sentences on what was taken for what, `skipped` on what is not used;
    `weights` say what each sample of a part counts in training; `tasks` say what the labels are, where
    the source knows it and they are as a `Split` holds them; `complete` fills gaps in all splits by what the
    training split tells.
    """
    signature = request.signature
    raw = {part: y for part, (_, y) in parts.items()}
    if tasks is None:
        read = labels.read_labels(raw, signature, classes)
    else:
        read = labels.Labels({part: _as_they_are(y) for part, y in raw.items() if y is not None}, tasks)
    check.check_names(classes or (), read.tasks, signature)
    counts = {
        part: read_weights(raw_weights, several(read.parts.get(part), len(read.tasks)), part)
        for part, raw_weights in (weights or {}).items()
    }
    given = {part: Split(x, read.parts.get(part), counts.get(part)) for part, (x, _) in parts.items()}
    no_gaps = complete is dict  # else gaps are filled first
    for part, split in given.items():
        check.check_targets(split, part, signature, read.tasks)
        labelled = [len(y) for y in several(split.y) if y is not None]
        lengths = [*map(len, parts_of(split.x)), *labelled, *lengths_of(split.weights)]
        if len(set(lengths)) > 1:
            raise InputError(
                f"{source} has unequal numbers of {part} samples and labels: {', '.join(map(str, lengths))}.",
                "A label for each sample is expected.", "Correct the data.",
            )
        if no_gaps:
            check.check_finite(split, f"{part} " if len(given) > 1 else "")  # places are those of the source
    found, drawn = splits.make_splits(given, request.seed)
    if bare := [part for part, split in found.items() if split.y is None and read.parts]:
        raise InputError(
            f"{source} has no labels for {', '.join(bare)}.",
            "Labels are expected for all splits or for none.", "Add them, or leave all labels out.",
        )
    found = dict(complete(found))
    train = found["train"]
    fitted = preprocessing(train)
    data = Dataset(
        task, train, found["validation"], found["test"], fitted.steps, read.names, name, source=source,
        licence=licence, tasks=read.tasks or _unlabelled(signature),
        files=fitted.files, vocabulary=fitted.vocabulary, sorted_names=read.sorted_names,
        decisions=(
            sizes({part: len(split) for part, split in found.items()}, drawn),
            *decided("source", notes), *decided("skipped", skipped),
            *decided("labels", read.notes), *decided("preprocessing", fitted.notes),
        ),
    )
    check.check(data, signature, listed=bool(classes), finite=no_gaps)
    return data.deciding(*decided("warning", check.thin_classes(data)))


def _as_they_are(y: labels.RawTargets) -> np.ndarray | Targets:
    if isinstance(y, tuple):
        return tuple(None if one is None else np.asarray(one) for one in y)
    return np.asarray(y)


def _unlabelled(signature: ModelSignature | None) -> tuple[OutputTask, ...]:
    """Without labels the original model's predictions stand for them: its classes, or its values."""
    outputs = signature.each_output if signature is not None else (None,)
    agrees = signature is None or bool(signature.classes())
    names = [output.name if output is not None and len(outputs) > 1 else "" for output in outputs]
    return tuple(
        OutputTask("original", ("agreement",) if agrees and not number else _VALUES, name)
        for number, name in enumerate(names)
    )
