"""Activations: channels that give little or nothing on the calibration data.

    mean(u) = E|x_u|        apoz(u) = share of x_u that is not zero

x_u is what the linear reads of a channel see. APoZ: Hu et al., Network Trimming, 2016.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.pruning.importance.slices import Mean
from edgeprune.pruning.mix import mixes_of
from edgeprune.pruning.observe import ROWS_PER_READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgeprune.pruning.importance.scene import Scene


def _statistic(scene: Scene, *, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Scores of all units: the mean of a figure of their activations."""
    mean = Mean(scene.dependencies.count)
    mixes = [mix for mix in mixes_of(scene.dependencies) if mix.channels.any()]
    for step in scene.network.steps(scene.samples):
        for mix in mixes:
            if mix.call == step.number:
                generator = np.random.default_rng((scene.seed, mix.call))
                x = mix.draw(step, scene.network.weights(mix.layer), generator, ROWS_PER_READ)
                if len(x):  # a mask may hide every step
                    mean.add(mix.channels, of(x).mean(axis=0))
    return mean.scores()


mean_activation = functools.partial(_statistic, of=np.abs)
apoz = functools.partial(_statistic, of=lambda x: (x != 0).astype(np.float32))
