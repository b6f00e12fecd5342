"""Parameters and multiply-accumulates, counted by one function for every stage.

Both follow from what the rules say about each weight: a weight with ids along its axes has as many
elements as the product of what is kept along them, and each is used `reuse` times.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgeprune.pruning.units import Units


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a model costs.

    Attributes:
        neurons: prunable neurons.
        params: weights of every kind, statistics of normalization layers included.
        macs: multiply-accumulates of one inference at batch 1; an unknown axis counts as 1.
    """

    neurons: int
    params: int
    macs: int


def cost(units: Units, keep: np.ndarray | None = None) -> Cost:
    """Counts a model, or what is left of it.

    Args:
        units: the traced model.
        keep: for each unit number, whether it stays; None for the whole model.
    """
    if keep is None:
        keep = np.ones(units.count, bool)
    params = macs = 0
    for path, weights in units.layer_flows.items():
        shapes = units.graph.layers[path].weight_shapes
        for shape, weight in zip(shapes, weights, strict=True):
            elements = 1
            for size, axis in zip(shape, weight.axes, strict=True):
                elements *= size if axis is None else int(keep[units.unit_of[axis]].sum())
            params += elements
            macs += elements * weight.reuse
    for flow in units.flows:
        for term in flow.mac_terms:
            macs += term.times * int(np.prod([keep[units.unit_of[axis]].sum() for axis in term.axes]))
    neurons = sum(int(keep[group.units].sum()) for group in units.groups)
    return Cost(neurons, params, macs)
