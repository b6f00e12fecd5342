"""FPGM: channels near the geometric median of their group can be replaced by the others.

    score(u) = Σ_v ‖w_u - w_v‖,   w: the weights that make a channel

He et al., Filter Pruning via Geometric Median, CVPR 2019.
"""

import numpy as np

from edgeprune.pruning.importance.criterion import CriterionContext
from edgeprune.pruning.importance.slices import features


def scores(context: CriterionContext) -> np.ndarray:
    """Scores of all channels, with mean 1 in each group."""
    found = np.zeros(context.dependencies.count)
    for group in context.dependencies.groups:
        weights = features(context, group).astype(np.float64)
        squares = (weights**2).sum(axis=1)
        distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * weights @ weights.T, 0)).sum(axis=1)
        found[group.channels] = distances / max(float(distances.mean()), 1e-30)
    return found
