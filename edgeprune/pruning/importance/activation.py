"""Activations: channels that give little or nothing on the calibration data.

    mean(u) = E|x_u|        apoz(u) = share of x_u that is not zero

x_u is what the linear reads of a channel see. APoZ: Hu et al., Network Trimming, 2016.
"""

import functools
from collections.abc import Callable

import numpy as np

from edgeprune.pruning.activation_statistics import ROWS_PER_READ
from edgeprune.pruning.importance.criterion import CriterionContext
from edgeprune.pruning.importance.slices import Mean
from edgeprune.pruning.kernel_reads import kernel_reads


def _statistic(context: CriterionContext, *, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Scores of all channels: the mean of a figure of their activations."""
    mean = Mean(context.dependencies.count)
    reads = [read for read in kernel_reads(context.dependencies) if read.channels.any()]
    for step in context.network.steps(context.samples):
        for read in reads:
            if read.call == step.number:
                generator = np.random.default_rng((context.seed, read.call))
                x = read.draw(step, context.network.weights(read.layer), generator, ROWS_PER_READ)
                if len(x):  # a mask may hide every step
                    mean.add(read.channels, of(x).mean(axis=0))
    return mean.scores()


mean_activation = functools.partial(_statistic, of=np.abs)
apoz = functools.partial(_statistic, of=lambda x: (x != 0).astype(np.float32))
