"""How a user's model takes its numbers: a Keras file does not say it, so the labels do.

A model trained on pixels in -1..1 is near guessing on pixels in 0..1. The usual scalings are tried on a
few hundred training samples; the one that the original model does best with is chosen:

    pictures    0..1, -1..1, 0..255
    tables      standardized, as they are
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from edgeprune import preprocessing
from edgeprune.data import pictures
from edgeprune.data.dataset import Dataset
from edgeprune.data.splits import choose
from edgeprune.data.streamed import HeldSamples, in_memory
from edgeprune.metrics import METRICS, evaluate
from edgeprune.preprocessing import Step

SAMPLES = 256
_PIXELS = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
Steps = tuple[Step, ...]
Predict = Callable[[HeldSamples], np.ndarray]  # the original model: inputs (N, ...) to outputs


def choose_scaling(data: Dataset, predict: Predict, seed: int = 0) -> Dataset:
    """`data`, if labelled, with the scaling that the model does best with; a note where it only guesses."""
    found = list(scalings(data))
    can_judge = len(found) > 1 or data.metrics[0] == "accuracy"
    if data.train.y is None or not can_judge or data.metrics[0] not in METRICS:
        return data
    split = choose(data.train, SAMPLES, seed)
    metric = METRICS[data.metrics[0]]
    values, scores = [], []
    for _, steps in found:
        inputs = preprocessing.apply(steps, in_memory(split.x), data.files)
        figures = evaluate(data.metrics[:1], split.labels, predict(inputs), data.labels, inputs)
        values.append(figures[metric.name])
        scores.append(metric.score(figures))
    best = int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))  # the first of equals: the usual one
    notes = [*data.notes]
    if len(found) > 1:
        tried = ", ".join(f"{name}: {value:.3f}" for (name, _), value in zip(found, values, strict=True))
        # What was assumed before, such as the scale of pixels, no longer holds.
        notes = [old for old in notes if not old.startswith(pictures.SCALE_NOTE)]
        notes.append(
            f"The model does best with {found[best][0]} "
            f"({metric.name} on {len(split)} training samples: {tried})."
        )
    return dataclasses.replace(
        data, preprocessing=found[best][1], notes=(*notes, *_doubts(data, split.labels, values[best]))
    )


def _doubts(data: Dataset, y: np.ndarray | None, value: float) -> Iterator[str]:
    """A note where a classifier does not know this data: it does no better than a constant prediction."""
    if y is None or data.metrics[0] != "accuracy" or y.ndim != 1 or y.dtype.kind != "i" or not len(y):
        return
    constant = np.bincount(y).max() / len(y)
    if value <= constant:
        yield (
            f"The original model is right on {value:.1%} of {len(y)} training samples; naming one class "
            f"always would be right on {constant:.1%}. Its preprocessing or the order of its classes may be "
            "another (labels.txt, vocab.txt), or it was not trained on such data."
        )


def scalings(data: Dataset) -> Iterator[tuple[str, Steps]]:
    """The steps of `data` as they are, then with every other scaling, under names for people."""
    steps = tuple(data.preprocessing)
    ops = [step["op"] for step in steps]
    if data.task == "vision" and "channels" in ops and "rescale" in ops:
        at = ops.index("rescale")
        ranges = [(pixels, pictures.pixel_step(*pixels)) for pixels in _PIXELS]
        for (low, high), step in sorted(ranges, key=lambda item: item[1] != steps[at]):
            yield f"pixels from {low:g} to {high:g}", (*steps[:at], step, *steps[at + 1 :])
    elif data.task == "tabular" and "standardize" in ops:
        at = ops.index("standardize")
        yield "standardized columns", steps
        yield "columns as they are", (*steps[:at], *steps[at + 1 :])
    else:
        yield "samples as they are", steps
