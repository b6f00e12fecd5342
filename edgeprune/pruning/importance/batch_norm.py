"""Batch normalization scale: |gamma|. Liu et al., Network Slimming, ICCV 2017.

Groups that no batch normalization sees are ranked by magnitude.
"""

import numpy as np

from edgeprune.layers import rule_for
from edgeprune.pruning.importance.criterion import CriterionContext
from edgeprune.pruning.importance.magnitude import l2
from edgeprune.pruning.importance.slices import Mean


def scores(context: CriterionContext) -> np.ndarray:
    """Scores of all channels."""
    mean = Mean(context.dependencies.count)
    for path, flows in context.dependencies.layer_flows.items():
        layer = context.dependencies.graph.layers[path]
        if rule_for(layer).centre(layer) is not None and "gamma" in layer.weight_names:
            index = layer.weight_names.index("gamma")
            ids = flows[index].axes[0]
            if ids is not None:
                mean.add(context.dependencies.channel_of[ids], np.abs(context.network.weights(path)[index]))
    found = mean.scores()
    return np.where(found > 0, found, l2(context) if (found[1:] == 0).any() else 0.0)
