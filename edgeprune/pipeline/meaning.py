"""What outputs mean that a loss of its author's own was made for: their shapes do not say it, predictions do.

    class numbers beside vectors, of which the nearest are of one class      embedding, judged by recall@1
    words that outputs give with fewer errors if class 0 is CTC's blank      sequence, read as Keras' CTC does
    whatever else fits its own labels better than other samples' ones        original: its own outputs judge

A distance between two inputs, levels of an ordered scale and parameters of a distribution are such outputs.
The loss tells whether an output belongs to its labels: it is lower for them than for them in other orders.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.decisions import ReadingDecision
from edgeprune.data.targets import metrics_for
from edgeprune.keras_bridge.drawn import drawn_sentence
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasModel
from edgeprune.metrics.embedding import recall_at
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.metrics.sequences import word_error_rate, word_error_rate_blank_first
from edgeprune.pipeline.artifacts import Outputs
from edgeprune.tasks import Targets, several, useless_outputs
from edgeprune.training.compiled_loss import compiled_for, is_own, losses_of
from edgeprune.types import OutputTask, TargetKind

_FEWEST_NUMBERS = 8  # of an embedding; fewer are levels or parameters
_SELDOM = 0.5  # of the samples
_DEVIATIONS = 3.0
_BLANK_FIRST = ("word_error_rate_blank_first",)
_LEAST_GAIN = 0.1  # of what is left above chance


def with_meaning(data: Dataset, model: KerasModel, predictions: Outputs, loss: object = None) -> Dataset:
    """Data whose tasks say what the outputs of losses of one's own are, and the decisions."""
    tasks, said = list(data.tasks), list[ReadingDecision]()
    labels = several(data.validation.y, len(tasks))
    for number, (task, y, output) in enumerate(zip(data.tasks, labels, predictions, strict=True)):
        if y is None or not is_own(model, number, loss) or task.kind in ("boxes", "keypoints", "anomaly"):
            continue
        if task.kind == "sequence" and _starts_with_blank(y, output):
            task = tasks[number] = dataclasses.replace(task, metrics=_BLANK_FIRST)  # noqa: PLW2901
            said.append(ReadingDecision("labels", "Class 0 is CTC's blank, and 0 fills up the words."))
        fits = task.kind != "original" and not useless_outputs((task,), y, (output,))[0]
        if fits and not _names_few(y, output):
            continue
        kind: TargetKind = "embedding" if _is_embedding(y, output) else "original"
        if kind == "original" and (fits or task.kind == kind or not _belongs(model, number, y, output, loss)):
            continue
        tasks[number] = OutputTask(kind, metrics_for(kind, None, None), task.name)
        words = {
            "embedding": "vectors that lie near those of the same class",
            "original": "what its loss alone can read: the original model's own outputs judge",
        }[kind]
        name = f"The output {task.name}" if task.name else "The output"
        said.append(ReadingDecision("labels", f"{name} gives {words}."))
    return dataclasses.replace(data, tasks=tuple(tasks)).deciding(*said)


def with_random_outputs(data: Dataset, drawn: Sequence[int]) -> Dataset:
    """Data by which outputs that differ from call to call are not judged, and the sentence that says so."""
    if not drawn:
        return data
    tasks = tuple(
        OutputTask("random", (), task.name) if number in drawn else task
        for number, task in enumerate(data.tasks)
    )
    train, validation, test = (
        _without_labels(split, drawn, len(tasks)) for split in (data.train, data.validation, data.test)
    )
    said = drawn_sentence([tasks[number].name for number in drawn])
    left_out = "Training and every comparison leave it out." if len(drawn) == 1 else (
        "Training and every comparison leave them out."
    )
    data = dataclasses.replace(data, tasks=tasks, train=train, validation=validation, test=test)
    return data.deciding(ReadingDecision("warning", said, left_out))


def _without_labels(split: Split, drawn: Sequence[int], outputs: int) -> Split:
    """A split without labels of some outputs."""
    def bare(y: np.ndarray | Targets | None) -> Targets | None:
        left = tuple(None if number in drawn else one for number, one in enumerate(several(y, outputs)))
        return None if all(one is None for one in left) else left

    return dataclasses.replace(split, y=bare(split.y), standing_in=bare(split.standing_in))


def without_padding(
    split: Split, tasks: Sequence[OutputTask], masks: Sequence[np.ndarray | None]
) -> Split:
    """A split that is judged without positions that the model leaves out: their class is -1."""
    made = tuple(
        np.where(mask, y.astype(np.int64), -1)
        if y is not None and mask is not None and task.kind in ("classes", "binary")
        and y.dtype.kind in "iu" and y.shape == mask.shape else y
        for task, y, mask in zip(tasks, several(split.judged, len(tasks)), masks, strict=True)
    )
    if all(one is other for one, other in zip(made, several(split.judged, len(tasks)), strict=True)):
        return split
    return dataclasses.replace(split, standing_in=made if len(made) > 1 else made[0])


def _starts_with_blank(y: np.ndarray, output: np.ndarray) -> bool:
    """Whether words (N, L) are found with fewer errors where class 0, and not the last one, is the blank."""
    read = Evaluation(y, output)
    return word_error_rate_blank_first(read) < min(word_error_rate(read), 1.0)


def _names_few(y: np.ndarray, output: np.ndarray) -> bool:
    """Whether there are more numbers than classes, and the largest seldom names the class."""
    if y.ndim != 1 or y.dtype.kind not in "iu" or output.ndim != 2 or output.shape[1] <= y.max(initial=0) + 1:
        return False
    return float((output.argmax(axis=1) == y).mean()) < _SELDOM


def _is_embedding(y: np.ndarray, output: np.ndarray) -> bool:
    """Whether samples (N,) of a class lie nearer together than chance has it."""
    if y.ndim != 1 or y.dtype.kind not in "iu" or output.ndim != 2 or output.shape[1] < _FEWEST_NUMBERS:
        return False
    _, counts = np.unique(y, return_counts=True)
    samples = int(counts[counts > 1].sum())
    if samples < _FEWEST_NUMBERS:
        return False
    chance = float((counts * (counts - 1)).sum()) / (samples * max(len(y) - 1, 1))
    deviation = math.sqrt(chance * (1 - chance) / samples)
    least = max(chance + _DEVIATIONS * deviation, chance + _LEAST_GAIN * (1 - chance))
    return recall_at(1, Evaluation(y, output)) > min(least, 1 - 0.5 * (1 - chance))


def _belongs(
    model: KerasModel, number: int, y: np.ndarray, output: np.ndarray, loss: object
) -> bool:
    compiled = compiled_for(keras_of(model), losses_of(model, number, loss), y, output)
    return compiled.prefers_own_labels(y, output)
