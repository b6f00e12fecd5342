"""Parameters and multiply-accumulates, counted by one function for every stage.

Both follow from what the rules say about each weight: a weight with ids along its axes has as many
elements as the product of what is kept along them, and each is used `reuse` times.
"""

import dataclasses

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph


@dataclasses.dataclass(frozen=True)
class Cost:
    """Prunable neurons, weights of every kind, and multiply-accumulates of one inference at batch 1.

    Weights include statistics of normalization layers; an unknown axis counts as 1.
    """

    neurons: int
    params: int
    macs: int


def change_text(before: Cost, after: Cost) -> str:
    """What a model had and has, for people."""
    names = ("neurons", "parameters", "MACs")
    pairs = zip(names, dataclasses.astuple(before), dataclasses.astuple(after), strict=True)
    return ", ".join(f"{name} {was:,} -> {left:,}" for name, was, left in pairs)


def cost(dependencies: DependencyGraph, keep: np.ndarray | None = None) -> Cost:
    """Counts a model, or what is left of it: `keep` says of each channel number whether it stays."""
    if keep is None:
        keep = np.ones(dependencies.count, bool)
    layers = layer_costs(dependencies, keep).values()
    return Cost(
        neurons=sum(int(keep[group.channels].sum()) for group in dependencies.groups),
        params=sum(one.params for one in layers),
        macs=sum(one.macs for one in layers),
    )


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """Parameters and multiply-accumulates of one layer, over all of its calls.

    `counted` is false where it takes more multiply-accumulates than these, and nobody knows how many.
    """

    params: int
    macs: int
    counted: bool = True


def layer_costs(dependencies: DependencyGraph, keep: np.ndarray | None = None) -> dict[str, LayerCost]:
    """Counts each layer, by its path; see `cost`."""
    if keep is None:
        keep = np.ones(dependencies.count, bool)
    params: dict[str, int] = {}
    macs: dict[str, int] = {}
    for path, weights in dependencies.layer_flows.items():
        params[path] = macs[path] = 0
        shapes = dependencies.graph.layers[path].weight_shapes
        for shape, weight in zip(shapes, weights, strict=True):
            elements = 1
            for size, axis in zip(shape, weight.axes, strict=True):
                elements *= size if axis is None else int(keep[dependencies.channel_of[axis]].sum())
            params[path] += elements
            macs[path] += elements * weight.reuse
    for view, flow in zip(dependencies.views, dependencies.flows, strict=True):
        for term in flow.mac_terms:
            left = [int(keep[dependencies.channel_of[axis]].sum()) for axis in term.axes]
            macs[view.layer.path] += term.times * int(np.prod(left))
    unknown = dependencies.uncounted
    return {path: LayerCost(params[path], macs[path], path not in unknown) for path in params}
