"""What to remove first: one file per criterion, one row here for each.

A criterion ranks the channels of each group (`edgeprune.pruning.ranking.Ranking`). Most give every
channel a score of its own; `reconstruction` and `correlation` choose greedily, as what is left changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.errors import InputError
from edgeprune.pruning.importance import (
    activation,
    batch_norm,
    chance,
    correlation,
    fpgm,
    magnitude,
    reconstruction,
    taylor,
)
from edgeprune.pruning.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.pruning.importance.scene import Scene, Scorer

DEFAULT = "reconstruction"
DATA_FREE = "l2"
"""Stands in for a criterion that needs data where there is none."""

SCORERS: Mapping[str, Scorer] = {
    "l1": magnitude.l1,
    "l2": magnitude.l2,
    "taylor": taylor.scores,
    "fpgm": fpgm.scores,
    "activation": activation.mean_activation,
    "apoz": activation.apoz,
    "batch_norm": batch_norm.scores,
    "random": chance.scores,
}
CRITERIA = (DEFAULT, "correlation", *SCORERS)
NEED_DATA = frozenset({DEFAULT, "taylor", "activation", "apoz"})


def check_criterion(name: str) -> None:
    """Refuses a name that is no criterion.

    Raises:
        InputError: with the names there are.
    """
    if name not in CRITERIA:
        raise InputError(f"There is no criterion '{name}'.", f"Criteria are {', '.join(CRITERIA)}.")


def rank_units(name: str, scene: Scene) -> list[Ranking]:
    """Ranks every group by a criterion; by magnitude where a group is read by nothing linear."""
    if name == "correlation":
        return correlation.rankings(scene)
    if name != DEFAULT:
        return _by_score(SCORERS[name](scene), scene)
    found = [reconstruction.rank(group, scene.moments) for group in scene.dependencies.groups]
    if all(ranking is not None for ranking in found):
        return [ranking for ranking in found if ranking is not None]
    by_score = _by_score(SCORERS[DATA_FREE](scene), scene)
    return [score if one is None else one for one, score in zip(found, by_score, strict=True)]


def _by_score(scores: np.ndarray, scene: Scene) -> list[Ranking]:
    rankings = []
    for group in scene.dependencies.groups:
        mine = scores[group.channels]
        order = np.argsort(mine, kind="stable")
        rankings.append(Ranking(order, np.maximum(mine[order], 0)))
    return rankings


def curves_of(rankings: Sequence[Ranking]) -> list[np.ndarray]:
    """Harm curves from the criterion's own costs, for when nothing can be measured."""
    return [ranking.cumulative / max(float(ranking.costs.mean()), 1e-30) for ranking in rankings]
