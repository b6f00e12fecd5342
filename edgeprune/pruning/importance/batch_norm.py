"""Batch normalization scale: |gamma|. Liu et al., Network Slimming, ICCV 2017.

Groups that no batch normalization sees are ranked by magnitude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.layers import rule_for
from edgeprune.pruning.importance.magnitude import l2
from edgeprune.pruning.importance.slices import Mean

if TYPE_CHECKING:
    from edgeprune.pruning.importance.scene import Scene


def scores(scene: Scene) -> np.ndarray:
    """Scores of all channels."""
    mean = Mean(scene.dependencies.count)
    for path, flows in scene.dependencies.layer_flows.items():
        layer = scene.dependencies.graph.layers[path]
        if rule_for(layer).centre(layer) is not None and "gamma" in layer.weight_names:
            index = layer.weight_names.index("gamma")
            ids = flows[index].axes[0]
            if ids is not None:
                mean.add(scene.dependencies.channel_of[ids], np.abs(scene.network.weights(path)[index]))
    found = mean.scores()
    return np.where(found > 0, found, l2(scene) if (found[1:] == 0).any() else 0.0)
