"""Random choice: what every criterion has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgeprune.pruning.importance.scene import Scene


def scores(scene: Scene) -> np.ndarray:
    """Uniform in (0, 1) by the scene's seed."""
    return np.random.default_rng(scene.seed).uniform(0.01, 1, scene.dependencies.count)
