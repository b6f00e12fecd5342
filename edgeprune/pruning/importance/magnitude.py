"""Magnitude: the norm of the weights that make and read a unit. L1: Li et al., ICLR 2017; L2.

    score(u) = mean over the kernels and axes that u has a slice of:  ‖slice of u‖ₚ / mean over units
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.pruning.importance.scene import Scene


def slices(scene: Scene) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every kernel along every axis that units lie on.

    Yields:
        The unit at each position of the axis, and the kernel as a matrix with that axis first.
    """
    for layer, flows in scene.units.layer_flows.items():
        weights = scene.network.weights(layer) if flows else []
        for weight, flow in zip(weights, flows, strict=True):
            for axis, ids in enumerate(flow.axes):
                if weight.ndim > 1 and ids is not None and scene.units.unit_of[ids].any():
                    yield scene.units.unit_of[ids], np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def norm(scene: Scene, *, power: int) -> np.ndarray:
    """Scores of all units."""
    total = np.zeros(scene.units.count)
    seen = np.zeros(scene.units.count)
    for units, matrix in slices(scene):
        sums = np.bincount(units, (np.abs(matrix).astype(np.float64) ** power).sum(axis=1), scene.units.count)
        norms = sums ** (1 / power)
        present = np.unique(units[units > 0])
        total[present] += norms[present] / max(norms[present].mean(), 1e-30)
        seen[present] += 1
    return np.asarray(total / np.maximum(seen, 1))


l1 = functools.partial(norm, power=1)
l2 = functools.partial(norm, power=2)
