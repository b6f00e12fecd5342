"""The order of classes that are known by name alone: the alphabet's, or the one in which the model is right.

A file of a model does not name its classes. People number them by the alphabet, by their first appearance,
or as they please (low, middle, high). Where the alphabet's order makes nonsense of the model's answers and
another order makes sense of them, that one is taken: it is fitted on one half of some training samples, and
must hold on the other.
"""

from __future__ import annotations

import dataclasses
import importlib
import math

import numpy as np

from edgeprune import preprocessing
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.decisions import ReadingDecision
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.scaling import Predict, Steps, ways
from edgeprune.data.splits import choose
from edgeprune.data.streamed import in_memory
from edgeprune.errors import not_installed
from edgeprune.install_source import install_command

_SAMPLES = 512
_FEWEST = 20
_GAIN, _DEVIATIONS = 0.25, 5.0
"""What another order must be better by, in balanced accuracy, and beyond chance."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """How well the names fit in one order, and which name each of the model's classes has."""

    accuracy: float
    order: np.ndarray


def with_class_order(
    data: Dataset, signature: ModelSignature, predict: Predict, wanted: str, seed: int
) -> Dataset:
    """`data` with its classes in the model's order, as far as labelled samples tell; else as it is.

    Args:
        wanted: a preprocessing by name; "auto" tries all of them, since a wrong one hides the order.
    """
    task = data.tasks[0]
    if not data.sorted_names or len(task.classes) < 2 or task.kind not in ("classes", "binary"):
        return data
    few = choose(data.train, _SAMPLES, seed)
    y = few.labels
    if y is None or y.ndim != 1 or len(few) < _FEWEST:
        return data
    found = [
        (_by_alphabet(guessed, y), _best(guessed, y, len(task.classes)))
        for steps in _feeds(data, signature, wanted)
        if (guessed := _guessed(data, few, steps, predict, len(task.classes))) is not None
    ]
    if not found:
        return data
    alphabet = max(one for one, _ in found)
    best = max((one for _, one in found), key=lambda one: one.accuracy)
    deviation = math.sqrt(0.25 / (len(few) / 2))
    if best.accuracy - alphabet < max(_GAIN, _DEVIATIONS * deviation):
        return data
    return _reordered(data, best, alphabet, len(few))


def _feeds(data: Dataset, signature: ModelSignature, wanted: str) -> list[Steps]:
    """Ways to feed the model; of several inputs only the one that there is."""
    if len(signature.inputs) > 1:
        return [data.preprocessing]
    stated = wanted != "auto"
    found = [way for way in ways(data, signature, 0, signature.inputs[0], stated=stated)
             if not stated or way.name == wanted]
    return [way.steps for way in found] or [data.preprocessing]


def _guessed(data: Dataset, few: Split, steps: Steps, predict: Predict, classes: int) -> np.ndarray | None:
    """(N,) the number of the class that the model names; None where it names no class of one sample."""
    scores = np.asarray(predict(preprocessing.apply(steps, in_memory(few.x), data.files))[0])
    if data.tasks[0].kind == "binary":
        return (scores.reshape(len(few), -1)[:, 0] > data.tasks[0].threshold).astype(np.int64)
    return scores.argmax(axis=1) if scores.ndim == 2 and scores.shape[1] == classes else None


def _by_alphabet(guessed: np.ndarray, y: np.ndarray) -> float:
    return _balanced(guessed[1::2], y[1::2])


def _best(guessed: np.ndarray, y: np.ndarray, classes: int) -> _Found:
    """The order that fits the even samples, and how well it fits the odd ones."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (guessed[::2], y[::2]), 1)
    counts /= np.maximum(counts.sum(axis=0), 1)
    try:
        optimize = importlib.import_module("scipy.optimize")
    except ImportError as error:
        needed = "The order of classes is found by the package scipy"
        raise not_installed(needed, install_command("host")) from error
    _, order = optimize.linear_sum_assignment(-counts)
    return _Found(_balanced(order[guessed[1::2]], y[1::2]), np.asarray(order))


def _balanced(guessed: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean([(guessed[y == label] == label).mean() for label in np.unique(y)]))


def _reordered(data: Dataset, best: _Found, alphabet: float, looked_at: int) -> Dataset:
    """Names in the order of the model's numbers, and numbers to match."""
    names = tuple(data.tasks[0].classes[number] for number in best.order)
    place = np.argsort(best.order)

    def moved(split: Split) -> Split:
        first = place[split.labels] if split.labels is not None else None
        y = (first, *split.y[1:]) if isinstance(split.y, tuple) else first
        return dataclasses.replace(split, y=y)

    listed = ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")
    why = (
        f"In this order the model is right on {100 * best.accuracy:.0f} % of {looked_at} training samples, "
        f"all classes counted alike; in alphabetical order on {100 * alphabet:.0f} %. A labels.txt with the "
        "data states the order."
    )
    tasks = (dataclasses.replace(data.tasks[0], classes=names), *data.tasks[1:])
    return dataclasses.replace(
        data, train=moved(data.train), validation=moved(data.validation), test=moved(data.test), tasks=tasks,
        labels=names if data.labels == data.tasks[0].classes else data.labels,
    ).deciding(ReadingDecision("labels", f"The classes are in the model's order: {listed}.", why))
