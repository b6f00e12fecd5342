"""Which channels to remove first: one file per criterion, one row here for each.

A criterion orders the channels of each group. Most give every channel a score of its own;
`reconstruction` and `correlation` choose greedily, as the remaining channels change in worth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from edgeprune.errors import InputError
from edgeprune.pruning.importance import activation, batch_norm, correlation, fpgm, magnitude

from edgeprune.pruning.importance import random_choice, reconstruction, taylor  # isort: skip
from edgeprune.pruning.importance.criterion import CriterionContext, GroupImportance

DEFAULT: Final = "reconstruction"
DATA_FREE = "l2"
"""Stands in for a criterion that needs data where there is none."""

SCORERS: Mapping[str, Callable[[CriterionContext], np.ndarray]] = {
    "l1": magnitude.l1,
    "l2": magnitude.l2,
    "taylor": taylor.scores,
    "fpgm": fpgm.scores,
    "activation": activation.mean_activation,
    "apoz": activation.apoz,
    "batch_norm": batch_norm.scores,
    "random": random_choice.scores,
}
"""Score every channel by itself, (channels,): not negative, near 1 on average; the lowest goes first."""
CRITERIA = (DEFAULT, "correlation", *SCORERS)
NEED_DATA = frozenset({DEFAULT, "taylor", "activation", "apoz"})


def check_criterion(name: str) -> None:
    """Refuses a name that is no criterion, with an `InputError` of the names there are."""
    if name not in CRITERIA:
        raise InputError(f"There is no criterion '{name}'.", f"Criteria are {', '.join(CRITERIA)}.")


def importance_of(criterion: str, context: CriterionContext) -> list[GroupImportance]:
    """Judges every group by a criterion; by magnitude where nothing reads a group linearly."""
    if criterion == "correlation":
        return correlation.importance_of(context)
    if criterion != DEFAULT:
        return _by_score(SCORERS[criterion](context), context)
    found = [reconstruction.rank(group, context.moments) for group in context.dependencies.groups]
    if all(one is not None for one in found):
        return [one for one in found if one is not None]
    by_score = _by_score(SCORERS[DATA_FREE](context), context)
    return [score if one is None else one for one, score in zip(found, by_score, strict=True)]


def _by_score(scores: np.ndarray, context: CriterionContext) -> list[GroupImportance]:
    found = []
    for group in context.dependencies.groups:
        order = np.argsort(scores[group.channels], kind="stable")
        found.append(GroupImportance(order, np.maximum(scores[group.channels][order], 0)))
    return found


def data_free_sensitivity(importance: Sequence[GroupImportance]) -> list[np.ndarray]:
    """Sensitivity curves from the criterion's own costs, for when nothing can be measured."""
    return [one.cumulative / max(float(one.costs.mean()), 1e-30) for one in importance]
