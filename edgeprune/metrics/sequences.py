"""Metrics over sequences: entities in BIO tags, and words out of CTC.

    tags   B-city I-city O B-day      ->  entities (0, 2, city), (3, 4, day)
    CTC    a a _ a b b _  (_ = blank, the last class, or the first as in Keras' own CTC)  ->  a a b

An entity counts as found only if start, end and type are all right (CoNLL-2000's conlleval).
Word error rate = (substitutions + deletions + insertions) / reference words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Evaluation, Metric, scalar_metric


def entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Entities (start, end, type) of one sentence; an I- that continues nothing starts an entity."""
    found: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and not (prefix == "I" and name == kind):
            found.add((start, position, kind))
            kind = ""
        if prefix in ("B", "I") and not kind:
            start, kind = position, name
    return found


def _entity_counts(evaluation: Evaluation) -> tuple[int, int, int]:
    """Right, predicted and true entities over all samples."""
    if evaluation.labels is None:
        raise InputError(
            "Entity metrics need the names of the tags.", "Expected labels such as O, B-city, I-city.",
            "Hand the labels over, or add labels.txt.",
        )
    right = predicted = true = 0
    for row, guess in zip(evaluation.y_true, evaluation.predicted()):
        expected, found = (entities([evaluation.labels[tag] for tag in y[row >= 0]]) for y in (row, guess))
        right, predicted, true = right + len(expected & found), predicted + len(found), true + len(expected)
    return right, predicted, true


def _entity_metric(name: str, meaning: str, ratio: Callable[[int, int, int], float]) -> Metric:
    return scalar_metric(name, meaning, lambda evaluation: ratio(*_entity_counts(evaluation)))


def ctc_greedy(outputs: np.ndarray, blank: int = -1) -> list[list[int]]:
    """Best path of (N, T, C), by default with the last class blank: repeats merged, then blanks dropped."""
    best = np.argmax(outputs, axis=-1)
    changed = np.concatenate([np.ones_like(best[:, :1], bool), best[:, 1:] != best[:, :-1]], axis=1)
    kept = changed & (best != blank % outputs.shape[-1])
    return [row[keep].tolist() for row, keep in zip(best, kept)]


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Levenshtein distance: fewest substitutions, deletions and insertions."""
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (left != right)))
        previous = current
    return previous[-1]


def word_error_rate(evaluation: Evaluation) -> float:
    """Edits / reference words; each class is one word, and the output's last class CTC's blank."""
    references = [[int(word) for word in row if word >= 0] for row in evaluation.y_true]
    return _error_rate(references, ctc_greedy(evaluation.outputs))


def word_error_rate_blank_first(evaluation: Evaluation) -> float:
    """The same where class 0 is the blank, and 0 or less fills up the words, as in `keras.losses.CTC`."""
    references = [[int(word) for word in row if word > 0] for row in evaluation.y_true]
    return _error_rate(references, ctc_greedy(evaluation.outputs, 0))


def _error_rate(references: Sequence[Sequence[int]], guesses: Sequence[Sequence[int]]) -> float:
    edits = sum(edit_distance(truth, guess) for truth, guess in zip(references, guesses))
    words = sum(len(row) for row in references)
    return edits / words if words else 0.0


METRICS = (
    _entity_metric(
        "entity_f1", "F1 over whole entities: span and type.",  # 2PR / (P + R)
        lambda right, predicted, true: 2 * right / max(predicted + true, 1),
    ),
    _entity_metric(
        "entity_precision", "Right entities / predicted entities.",
        lambda right, predicted, _: right / max(predicted, 1),
    ),
    _entity_metric(
        "entity_recall", "Right entities / true entities.", lambda right, _, true: right / max(true, 1)
    ),
    scalar_metric("word_error_rate", "Edits / reference words; may exceed 1.", word_error_rate, higher=False),
    scalar_metric(
        "word_error_rate_blank_first", "Edits / reference words where class 0 is CTC's blank; may exceed 1.",
        word_error_rate_blank_first, higher=False,
    ),
)
