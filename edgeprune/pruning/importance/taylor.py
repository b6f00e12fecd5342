"""First-order Taylor: how much the loss would change without the channel's weights.

    score(u) = Σ over batches (Σ w·∂L/∂w over the slices of u)²

With labels L is the loss on them; without, the model's own answer stands in for the label.
Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019.
"""

import numpy as np

from edgeprune.pruning.importance.criterion import CriterionContext
from edgeprune.pruning.importance.slices import Mean, places


def scores(context: CriterionContext) -> np.ndarray:
    """Scores of all channels."""
    found = list(places(context))
    squares = [np.zeros(len(channels)) for *_, channels in found]
    for gradients in context.network.gradients(context.samples, context.labels):
        for (layer, index, axis, _), total in zip(found, squares, strict=True):
            weight, gradient = context.network.weights(layer)[index], gradients[layer][index]
            others = tuple(other for other in range(weight.ndim) if other != axis)
            np.add(total, (weight * gradient).sum(axis=others, dtype=np.float64) ** 2, out=total)
    mean = Mean(context.dependencies.count)
    for (*_, channels), total in zip(found, squares, strict=True):
        mean.add(channels, total)
    return mean.scores()
