"""Scores of every part of a model's outputs that is judged by itself, and how sure they are.

    outputs (N, …, C)  ->  part "accuracy", part "box/r2", part "variance of column 3", …

Pooled over columns, an error that is nothing to a box in pixels is everything to a class score beside it. So
every output counts, and of an output of values every column by its own variance:

    1 - Σ (deployed - reference)² / Σ (reference - mean)²

Where labels are there and vary more than the reference does, by their variance: a model gives almost the
same for every sample in a column that it has not learned, and an error far below the labels' spread would be
most of what varies there.

How sure a score is tells the jackknife (Efron & Stein 1981): it is computed again without each tenth of the
samples in turn. That works for any metric, and for the difference of two models on the same samples.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Outputs: TypeAlias = np.ndarray | tuple[np.ndarray, ...]
"""Samples first; a tuple for a model with several outputs."""

Scores: TypeAlias = Callable[[tuple[np.ndarray, ...], npt.NDArray[np.intp]], Mapping[str, float]]
"""The task's own score of each part, as a fraction, higher is better: of outputs of the samples that are
numbered, in this order."""

OutputKind = Literal["classes", "values", "scored", "random"]
"""What an output holds: classes along its last axis (or one score above 0.5), values of which each column is
judged by its own variance, something that the task's scores alone judge, or random numbers, not judged."""

_Losses: TypeAlias = tuple[str, np.ndarray, np.ndarray]
"""Name of a part, what each sample lost and what there is to lose, (N,) each."""

VARIANCE = "variance"
"""What the score of a column is called."""

_BLOCKS = 10
_CONSTANT = 1e-9
_MOST_COLUMNS = 64
_ROWS_AT_ONCE = 256


@dataclasses.dataclass(frozen=True, eq=False)
class PartScores:
    """One model's scores: `of_all` (parts,) of all samples, `without` (blocks, parts) without one block."""

    names: tuple[str, ...]
    of_all: np.ndarray
    without: np.ndarray
    of_task: int = 0  # how many of the parts, the first ones, the task's own scores judge

    def drops_from(self, reference: PartScores) -> tuple[np.ndarray, np.ndarray]:
        """What was lost against a model with the same parts, and its standard error, (parts,) each."""
        return reference.of_all - self.of_all, _jackknife(reference.without - self.without)


class Scorer:
    """Scores models on the same samples against one reference."""

    def __init__(
        self, reference: tuple[np.ndarray, ...], kinds: Sequence[OutputKind], scores: Scores | None = None,
        names: Sequence[str] = (), labelled: Sequence[bool] | None = None,
        label_variances: Sequence[np.ndarray | None] = (),
    ) -> None:
        """Takes what `edgeprune.conversion.parity` takes; `reference` is (N, …) each."""
        self._outputs, self.scores = reference, scores
        self._label_variances = dict(enumerate(label_variances))
        if len(names) != len(reference):
            names = [f"output {number}" for number in range(len(reference))]
        self._prefixes = [f"{name}/" for name in names] if len(names) > 1 else [""]
        if labelled is None:
            labelled = (scores is not None, *([False] * (len(reference) - 1)))
        self.unlabelled_classes = [
            number for number, kind in enumerate(kinds) if kind == "classes" and not labelled[number]
        ]
        self._values = [
            number for number, kind in enumerate(kinds)
            if kind == "values" or (kind == "scored" and not labelled[number])
        ]
        self._rows = np.arange(len(reference[0]))
        self.reference = self.score(reference)

    def score(self, outputs: tuple[np.ndarray, ...]) -> PartScores:
        """Scores of a model's outputs for the samples."""
        own = [self._agreement(number, outputs[number]) for number in self.unlabelled_classes]
        for number in self._values:
            own += self._variances(number, outputs[number])
        task = dict(self.scores(outputs, self._rows)) if self.scores else {}
        names = (*task, *(name for name, _, _ in own))
        of_all = [*task.values(), *(1 - _ratio(lost, total) for _, lost, total in own)]
        blocks = min(_BLOCKS, len(self._rows)) if len(self._rows) > 1 else 0
        without = np.zeros((blocks, len(names)))
        for block in range(blocks):
            rows = self._rows[self._rows % blocks != block]
            without[block] = [
                *(self.scores(tuple(one[rows] for one in outputs), rows).values() if self.scores else ()),
                *(1 - _ratio(lost[rows], total[rows]) for _, lost, total in own),
            ]
        return PartScores(names, np.array(of_all, np.float64), without, len(task))

    def _agreement(self, number: int, deployed: np.ndarray) -> _Losses:
        changed = predicted_classes(self._outputs[number]) != predicted_classes(deployed)
        lost = changed.reshape(len(changed), -1).mean(axis=1)
        return f"{self._prefixes[number]}agreement", lost, np.ones(len(lost))

    def _variances(self, number: int, deployed: np.ndarray) -> list[_Losses]:
        lost, total = column_errors(self._outputs[number], deployed)
        of_labels = self._label_variances.get(number)
        if of_labels is not None and of_labels.shape == total.shape[1:]:
            values = self._outputs[number].size / total.shape[1]
            total = total + np.maximum(of_labels * values - total.sum(axis=0), 0) / len(total)
        return [
            (
                f"{self._prefixes[number]}{VARIANCE}{_of_columns(group, lost.shape[1])}",
                lost[:, group].sum(axis=1), total[:, group].sum(axis=1),
            )
            for group in _groups(total)
        ]


def predicted_classes(outputs: np.ndarray) -> np.ndarray:
    """Class numbers: argmax of the last axis, or whether a single score is above 0.5."""
    if outputs.ndim == 1 or outputs.shape[-1] == 1:
        return outputs.reshape(len(outputs), -1) > 0.5
    return np.asarray(outputs.argmax(axis=-1))


def as_arrays(outputs: Outputs | npt.ArrayLike) -> tuple[np.ndarray, ...]:
    """One output or more, as a tuple."""
    many = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return tuple(map(np.asarray, many))


def column_errors(reference: np.ndarray, deployed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) each: squared differences, and squares of what varies in the reference.

    A column that is the same for every sample is compared by its squares, one of zeros by the largest column.
    """
    columns = reference.shape[-1] if reference.ndim > 1 else 1
    mean = reference.mean(axis=0, dtype=np.float64)
    lost, varies, squares = (np.zeros((len(reference), columns)) for _ in range(3))
    for start in range(0, len(reference), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        exact = reference[rows].astype(np.float64)
        for sink, values in ((lost, exact - deployed[rows]), (varies, exact - mean), (squares, exact)):
            sink[rows] = np.square(values).reshape(len(values), -1, columns).sum(axis=1)
    constant = varies.sum(axis=0) <= _CONSTANT * squares.sum(axis=0)
    total = np.where(constant, squares, varies)
    empty = total.sum(axis=0) == 0
    if empty.any():
        total[:, empty] = squares[:, [squares.sum(axis=0).argmax()]]
    return lost, total


def relative_error(reference: tuple[np.ndarray, ...], deployed: tuple[np.ndarray, ...],
                   kinds: Sequence[OutputKind]) -> float:
    """Error of the worst part, relative to what varies in it, without what is the same for every sample.

    Correcting a bias takes that away. Classes are one part: their logits or probabilities are of one scale.
    """
    worst = 0.0
    for exact, found, kind in zip(reference, deployed, kinds, strict=True):
        if kind == "random":
            continue
        difference = found.astype(np.float64) - exact
        lost, total = column_errors(exact, exact + difference - difference.mean(axis=0))
        parts = [np.arange(lost.shape[1])] if kind == "classes" else _groups(total)
        worst = max(worst, *(_ratio(lost[:, part].sum(axis=1), total[:, part].sum(axis=1)) for part in parts))
    return math.sqrt(worst)


def _groups(total: np.ndarray) -> list[npt.NDArray[np.intp]]:
    """Columns that are judged together: each alone; of very many, those of about one scale."""
    columns = np.arange(total.shape[1])
    if len(columns) <= _MOST_COLUMNS:
        return [columns[[number]] for number in columns]
    scale = np.floor(np.log2(np.maximum(total.sum(axis=0), np.finfo(np.float64).tiny)) / 2)
    return [columns[scale == one] for one in np.unique(scale)]


def _of_columns(group: npt.NDArray[np.intp], columns: int) -> str:
    if len(group) == columns:
        return ""
    if len(group) == 1:
        return f" of column {group[0]}"
    return f" of {len(group)} columns such as {group[0]}"


def _ratio(lost: np.ndarray, total: np.ndarray) -> float:
    return float(lost.sum() / max(total.sum(), float(np.finfo(np.float32).tiny)))


def _jackknife(without: np.ndarray) -> np.ndarray:
    """(parts,) standard error of what has these values (blocks, parts) without each block."""
    blocks = len(without)
    if blocks < 2:
        return np.zeros(without.shape[1])
    spread = np.square(without - without.mean(axis=0)).sum(axis=0)
    return np.asarray(np.nan_to_num(np.sqrt(spread * (blocks - 1) / blocks), nan=0.0, posinf=0.0))
