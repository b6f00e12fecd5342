"""Magnitude: the norm of the weights that make and read a channel.

    score(u) = mean over the kernel axes that u lies on of  ‖slice of u‖ₚ / its mean over channels

L1: Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017. L2 likewise.
"""

import functools

import numpy as np

from edgeprune.pruning.importance.criterion import CriterionContext
from edgeprune.pruning.importance.slices import Mean, slices


def norm(context: CriterionContext, *, power: int) -> np.ndarray:
    """Scores of all channels by the p-norm."""
    mean = Mean(context.dependencies.count)
    for channels, matrix in slices(context):
        sums = np.bincount(
            channels, (np.abs(matrix).astype(np.float64) ** power).sum(axis=1), context.dependencies.count
        )
        distinct = np.unique(channels)
        mean.add(distinct, sums[distinct] ** (1 / power))
    return mean.scores()


l1 = functools.partial(norm, power=1)
l2 = functools.partial(norm, power=2)
