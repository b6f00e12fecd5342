"""Plans the smaller model: slices of the weights, changed configurations.

No number is recomputed, but for constants that a layer derives from its own size (`Rule.factors`).

Removing channel u equals masking it: every weight that *reads* u set to zero in the original.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from edgeprune.graph import Arguments, ChannelIds, Config, DependencyGraph, KeepMask, ModelGraph
from edgeprune.layers import rule_for


@dataclasses.dataclass(frozen=True)
class Compaction:
    """What has to change for the smaller model; the framework bridge builds it.

    Attributes:
        configs: layer path to its changed configuration entries.
        arguments: call number to its changed (args, kwargs).
        weights: layer path to, for each weight and axis, the positions that stay, or None for all.
        factors: layer path to weight index to what `Rule.factors` says.
    """

    configs: Mapping[str, Config]
    arguments: Mapping[int, Arguments]
    weights: Mapping[str, tuple[tuple[np.ndarray | None, ...], ...]]
    factors: Mapping[str, Mapping[int, float]] = dataclasses.field(default_factory=dict)


def compact(dependencies: DependencyGraph, keep: np.ndarray) -> Compaction:
    """Plans the smaller model; `keep` tells which channel numbers stay, as channel 0 always does."""
    kept = KeepMask(dependencies.channel_of, keep)
    configs: dict[str, Config] = {}
    arguments: dict[int, Arguments] = {}
    factors: dict[str, Mapping[int, float]] = {}
    for number, (view, flow) in enumerate(zip(dependencies.views, dependencies.flows, strict=True)):
        rule = rule_for(view.layer)
        if view.layer.path not in configs:
            configs[view.layer.path] = rule.resize(view, flow, kept)
            factors[view.layer.path] = rule.factors(view, flow, kept)
        changed = rule.resize_arguments(view, flow, kept)
        if changed is not None:
            arguments[number] = changed
    slices = {
        path: tuple(tuple(_positions(axis, kept) for axis in weight.axes) for weight in weights)
        for path, weights in dependencies.layer_flows.items() if weights
    }
    return Compaction(
        {path: config for path, config in configs.items() if config}, arguments, slices,
        {path: one for path, one in factors.items() if one},
    )


def unchanged(graph: ModelGraph) -> Compaction:
    """A plan under which nothing goes, for a copy of the model."""
    weights = {
        path: tuple((None,) * len(shape) for shape in layer.weight_shapes)
        for path, layer in graph.layers.items() if layer.weight_shapes
    }
    return Compaction({}, {}, weights)


def _positions(axis: ChannelIds | None, kept: KeepMask) -> np.ndarray | None:
    """Positions that stay along one axis, None where all do."""
    if axis is None:
        return None
    mask = kept.mask(axis)
    return None if mask.all() else np.flatnonzero(mask)


def take(weight: np.ndarray, positions: tuple[np.ndarray | None, ...]) -> np.ndarray:
    """Slices one weight along all its axes; the array itself where nothing goes."""
    for axis, index in enumerate(positions):
        if index is not None:
            weight = np.take(weight, index, axis=axis)
    return weight
