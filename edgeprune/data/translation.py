"""A translator of one's own, where `--task translation` says that it is one.

    source (N, S), written (N, T)  --model-->  (N, T, V),    labels y (N, T):    written[:, t + 1] = y[:, t]

The input that holds the labels one position later is what the decoder has written so far: on devices it takes
the model's own tokens, and whole sequences are judged.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.data.dataset import Dataset
from edgeprune.data.streamed import in_memory, parts_of
from edgeprune.errors import InputError
from edgeprune.types import OutputTask

METRICS = ("exact_match", "bleu")
_LOOKED_AT = 256  # samples
_LEAST = 0.99  # of the tokens that are there in both


def as_translation(data: Dataset) -> Dataset:
    """The data, judged by whole sequences that the model writes itself.

    Raises:
        InputError: no input holds the labels one position later, or there are several outputs.
    """
    few = data.train.take(slice(0, _LOOKED_AT))
    y, inputs = few.labels, parts_of(in_memory(data.model_input(few.x)))
    if len(data.tasks) != 1 or y is None or y.ndim != 2 or data.tasks[0].kind != "classes":
        raise InputError(
            "--task translation was given, and the labels are no sequences of tokens.",
            "One output with scores of each position's next token is expected, and labels (N, positions).",
            "Pass such labels, or leave --task out.",
        )
    place = next((number for number, one in enumerate(inputs) if _is_written(np.asarray(one), y)), None)
    if place is None or len(inputs) < 2:
        raise InputError(
            "--task translation was given, and no second input holds the labels one position later.",
            "Beside the source, an input of one token and then the labels is expected.",
            "Pass that input, or leave --task out.",
        )
    task: OutputTask = dataclasses.replace(data.tasks[0], metrics=METRICS, fed_back=place)
    return dataclasses.replace(data, tasks=(task,))


def _is_written(given: np.ndarray, y: np.ndarray) -> bool:
    if given.shape != y.shape or given.shape[1] < 2:
        return False
    later, before = given[:, 1:], y[:, :-1]
    there = (later > 0) & (before > 0)
    return bool(there.any()) and float((later == before)[there].mean()) >= _LEAST
