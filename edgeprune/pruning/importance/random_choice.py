"""Random choice: what every criterion has to beat."""

import numpy as np

from edgeprune.pruning.importance.criterion import CriterionContext


def scores(context: CriterionContext) -> np.ndarray:
    """Uniform in (0, 1) by the context's seed."""
    return np.random.default_rng(context.seed).uniform(0.01, 1, context.dependencies.count)
