"""What a model costs as a function of how many channels each group keeps, without slicing anything.

Every weight (and every activation product) is a term: a constant times, for each of its axes, a
linear function of the kept counts,

    term(k) = c · Π_axes (fixed + Σ_g share_g · k_g)

so that a plan of thousands of removals costs no more than a few matrix products.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.graph.channels import ChannelIds
from edgeprune.graph.dependency_graph import DependencyGraph

COST_KINDS = ("neurons", "params", "macs")


@dataclasses.dataclass(frozen=True)
class CostModel:
    """Terms of one kind of cost.

    Attributes:
        constants: (T,).
        fixed: (T, A) elements along each axis that no group decides over; 1 for missing axes.
        lengths: (T, A, G) elements along each axis for each kept channel of a group.
    """

    constants: np.ndarray
    fixed: np.ndarray
    lengths: np.ndarray

    def __call__(self, counts: np.ndarray) -> float:
        """The cost with these many kept channels in each group."""
        return float(self.constants @ self._lengths(counts).prod(axis=1))

    def _lengths(self, counts: np.ndarray) -> np.ndarray:
        return np.asarray(self.fixed + self.lengths @ counts)

    def per_channel(self, counts: np.ndarray) -> np.ndarray:
        """(G,) what one channel of each group costs, at these counts: the gradient."""
        lengths = self._lengths(counts)
        total = np.zeros(self.lengths.shape[2])
        for axis in range(lengths.shape[1]):
            others = np.delete(lengths, axis, axis=1).prod(axis=1)
            total += (self.constants * others) @ self.lengths[:, axis]
        return total


def cost_model(dependencies: DependencyGraph, kind: str) -> CostModel:
    """The cost model of a traced model.

    Args:
        dependencies: the traced model.
        kind: one of `COST_KINDS`.
    """
    builder = _Terms(dependencies)
    if kind == "neurons":
        builder.sizes(
            np.concatenate([group.channels for group in dependencies.groups])
            if dependencies.groups
            else np.zeros(0, int)
        )
        return builder.model()
    for path, weights in dependencies.layer_flows.items():
        for shape, weight in zip(dependencies.graph.layers[path].weight_shapes, weights, strict=True):
            times = weight.reuse if kind == "macs" else 1
            bare = [size for size, axis in zip(shape, weight.axes, strict=True) if axis is None]
            builder.term(times * float(np.prod(bare)), [axis for axis in weight.axes if axis is not None])
    if kind == "macs":
        for flow in dependencies.flows:
            for term in flow.mac_terms:
                builder.term(float(term.times), list(term.axes))
    return builder.model()


class _Terms:
    def __init__(self, dependencies: DependencyGraph) -> None:
        self._dependencies = dependencies
        self._sizes = np.array([len(group.channels) for group in dependencies.groups], float)
        self._group = np.full(dependencies.count, len(dependencies.groups))
        for number, group in enumerate(dependencies.groups):
            self._group[group.channels] = number
        self._terms: list[tuple[float, list[tuple[float, np.ndarray]]]] = []

    def _axis(self, members: np.ndarray) -> tuple[float, np.ndarray]:
        counts = np.bincount(self._group[members], minlength=len(self._sizes) + 1)
        return float(counts[-1]), counts[:-1] / np.maximum(self._sizes, 1)

    def sizes(self, members: np.ndarray) -> None:
        self._terms.append((1.0, [self._axis(members)]))

    def term(self, constant: float, axes: list[ChannelIds]) -> None:
        if constant:
            self._terms.append((constant, [self._axis(self._dependencies.channel_of[axis]) for axis in axes]))

    def model(self) -> CostModel:
        depth = max((len(axes) for _, axes in self._terms), default=1) or 1
        fixed = np.ones((len(self._terms), depth))
        lengths = np.zeros((len(self._terms), depth, len(self._sizes)))
        for number, (_, axes) in enumerate(self._terms):
            for place, (still, per_channel) in enumerate(axes):
                fixed[number, place], lengths[number, place] = still, per_channel
        return CostModel(np.array([constant for constant, _ in self._terms]), fixed, lengths)
