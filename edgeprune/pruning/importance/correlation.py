"""Weight correlation: of the two most alike channels of a group, the smaller goes; again and again.

r_ij = w_i·w_j / (‖w_i‖‖w_j‖),   cost of a removal = 1 - |r|,   w: the weights that make a channel
"""

import numpy as np

from edgeprune.pruning.importance.criterion import CriterionContext, GroupImportance
from edgeprune.pruning.importance.slices import features


def importance_of(context: CriterionContext) -> list[GroupImportance]:
    """Of every group."""
    return [rank(features(context, group)) for group in context.dependencies.groups]


def rank(weights: np.ndarray) -> GroupImportance:
    """Ranks the rows of (channels, D)."""
    norms = np.linalg.norm(weights.astype(np.float64), axis=1)
    directions = weights / np.maximum(norms, 1e-30)[:, None]
    alike = np.abs(directions @ directions.T)
    np.fill_diagonal(alike, -1.0)
    order, costs = [], []
    alive = np.ones(len(norms), bool)
    for _ in range(len(norms) - 1):
        one, other = np.unravel_index(int(np.argmax(alike)), alike.shape)
        gone = int(one if norms[one] <= norms[other] else other)
        order.append(gone)
        costs.append(max(1 - float(alike[one, other]), 0.0))
        alive[gone] = False
        alike[gone] = alike[:, gone] = -2.0
    order.append(int(np.flatnonzero(alive)[0]))
    return GroupImportance(np.array(order), np.array([*costs, 1.0]))
