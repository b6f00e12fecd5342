"""What a model costs as a function of how many channels each group keeps, without slicing anything.

Every weight (and every activation product) is a term: a constant times, for each of its axes, a
linear function of the kept counts,

    term(k) = c · Π_axes (fixed + Σ_g share_g · k_g)

so that a plan of thousands of removals costs no more than a few matrix products.
"""

import dataclasses
from collections.abc import Collection

import numpy as np

from edgeprune.graph.channel_ids import ChannelIds
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


def cost_model(dependencies: DependencyGraph, kind: str, without: Collection[str] = ()) -> CostModel:
    """The model of one of the `COST_KINDS`; layers of the kinds in `without` hold no parameters for it."""
    sizes = np.array([len(group.channels) for group in dependencies.groups], float)
    group_of = np.full(dependencies.count, len(sizes))
    for number, group in enumerate(dependencies.groups):
        group_of[group.channels] = number
    terms = _terms(dependencies, kind, without)
    depth = max((len(axes) for _, axes in terms), default=1) or 1
    fixed = np.ones((len(terms), depth))
    lengths = np.zeros((len(terms), depth, len(sizes)))
    for number, (_, axes) in enumerate(terms):
        for place, channels in enumerate(axes):
            counts = np.bincount(group_of[channels], minlength=len(sizes) + 1)
            fixed[number, place], lengths[number, place] = counts[-1], counts[:-1] / np.maximum(sizes, 1)
    return CostModel(np.array([constant for constant, _ in terms]), fixed, lengths)


def _terms(
    dependencies: DependencyGraph, kind: str, without: Collection[str]
) -> list[tuple[float, list[np.ndarray]]]:
    """Constants, and the channel behind each element along each axis that they are multiplied with."""
    if kind == "neurons":
        groups = [np.zeros(0, int), *(group.channels for group in dependencies.groups)]
        return [(1.0, [np.concatenate(groups)])]
    found: list[tuple[float, tuple[ChannelIds | None, ...]]] = []
    for path, weights in dependencies.layer_flows.items():
        layer = dependencies.graph.layers[path]
        if layer.kind in without:
            continue
        for shape, weight in zip(layer.weight_shapes, weights, strict=True):
            times = weight.reuse if kind == "macs" else 1
            bare = [size for size, axis in zip(shape, weight.axes, strict=True) if axis is None]
            found.append((times * float(np.prod(bare)), weight.axes))
    if kind == "macs":
        found += [(float(term.times), term.axes) for flow in dependencies.flows for term in flow.mac_terms]
    return [
        (constant, [dependencies.channel_of[axis] for axis in axes if axis is not None])
        for constant, axes in found if constant
    ]
