"""Layers that pruning leaves as they are, although much of the model is in them: which, how much, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from edgeprune.graph.cost import layer_costs
from edgeprune.graph.dependency_graph import DependencyGraph

LEAST = 0.05
"""Fraction of the model's parameters or multiply-accumulates from which on a layer is named."""


@dataclasses.dataclass(frozen=True)
class UnprunedLayer:
    """A layer of which nothing can go; `macs_fraction` is None where its multiply-accumulates are unknown."""

    layer: str
    kind: str
    params_fraction: float
    macs_fraction: float | None
    reason: str

    @property
    def sentence(self) -> str:
        """For the report's notes."""
        size = f"{self.params_fraction:.0%} of the parameters"
        if self.macs_fraction is None:
            size += "; nobody can count its MACs, so the model's leave them out"
        else:
            size += f" and {self.macs_fraction:.0%} of the MACs"
        return f"Layer '{self.layer}' ({self.kind}) stays whole ({size}): {self.reason}."


def unpruned_layers(dependencies: DependencyGraph) -> Iterator[UnprunedLayer]:
    """Those with at least `LEAST` of the parameters or multiply-accumulates, or with unknown ones."""
    costs = layer_costs(dependencies)
    least = layer_costs(dependencies, np.arange(dependencies.count) == 0)
    params = max(sum(one.params for one in costs.values()), 1)
    macs = max(sum(one.macs for one in costs.values()), 1)
    for path, one in costs.items():
        large = one.params >= LEAST * params or one.macs >= LEAST * macs
        if one == least[path] and (large or not one.counted):
            yield UnprunedLayer(
                path, dependencies.graph.layers[path].kind, one.params / params,
                one.macs / macs if one.counted else None, _reason(dependencies, path),
            )


def _reason(dependencies: DependencyGraph, layer: str) -> str:
    """What keeps a layer's neurons, its own doing first."""
    own = [one for one in dependencies.refusals if one.because_of == layer]
    made = [one for one in dependencies.refusals if one.layer == layer]
    for one in (*own, *made):
        name = "it" if one.because_of in (layer, "") else f"layer '{one.because_of}'"
        return f"{name} {one.reason}"
    return "all that goes into it and comes out of it stays"
