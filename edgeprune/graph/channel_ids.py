"""Channel ids: which output channel decides over each element of each tensor.

A producer (Dense, convolution, …) gives every output channel a fresh id; a tensor carries an integer
array of its own static shape with the id of each element, 0 where no channel decides. Dimensions that
are None (batch, time) have length 1 here: ids never differ along them. The arrays are broadcast
views wherever they can be, so a (224, 224, 64) tensor costs 64 integers.

Ids that must live and die together are united; the classes are found once, at the end.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph.model_graph import Shape

ChannelIds = np.ndarray


def static(shape: Shape) -> tuple[int, ...]:
    """The shape an id array has for a tensor of `shape`: None becomes 1."""
    return tuple(1 if size is None else int(size) for size in shape)


def none(shape: Shape) -> ChannelIds:
    """Ids of a tensor that no channel decides over."""
    return np.broadcast_to(np.int64(0), static(shape))


def along(vector: ChannelIds, axis: int, shape: Shape) -> ChannelIds:
    """Spreads `vector`, the ids along `axis`, over a tensor of `shape`."""
    sizes = static(shape)
    view = [1] * len(sizes)
    view[axis] = sizes[axis]
    return np.broadcast_to(vector.reshape(view), sizes)


def collapse(ids: ChannelIds) -> ChannelIds:
    """Cuts every axis along which the array is a broadcast view down to length 1."""
    return first_along(ids, [stride == 0 for stride in ids.strides])


def first_along(ids: ChannelIds, axes: Sequence[bool]) -> ChannelIds:
    """Cuts the axes that are marked, one mark for each, down to length 1."""
    return ids[tuple(slice(0, 1) if is_cut else slice(None) for is_cut in axes)]


def fit(ids: ChannelIds, shape: Shape) -> ChannelIds | None:
    """The same ids for a tensor of `shape`, whose sizes may be unknown where `ids` has one; None: unlike."""
    sizes = static(shape)
    if ids.shape == sizes:
        return ids
    if ids.ndim != len(sizes):
        return None
    differs = [have != want for have, want in zip(ids.shape, sizes, strict=True)]
    if any(differs[axis] for axis in varying_axes(ids)):
        return None
    return np.broadcast_to(first_along(ids, differs), sizes)


def varying_axes(ids: ChannelIds) -> tuple[int, ...]:
    """The axes along which the ids differ."""
    small = collapse(ids)
    return tuple(
        axis for axis, size in enumerate(small.shape)
        if size > 1 and (small != np.take(small, [0], axis)).any()
    )


def vector(ids: ChannelIds, axis: int) -> ChannelIds | None:
    """The ids along `axis` where they are the same along every other axis, else None."""
    small = collapse(ids)
    axis %= ids.ndim
    line = first_along(small, [other != axis for other in range(small.ndim)])
    if small.size != line.size and (small != line).any():
        return None
    return np.broadcast_to(line.ravel(), (ids.shape[axis],))


@dataclasses.dataclass(frozen=True)
class Producer:
    """Where ids were made: the layer and, where it has several kinds of channels, which."""

    layer: str
    part: str
    first: int
    count: int


@dataclasses.dataclass(frozen=True)
class Fixing:
    """Why the channels behind some ids must stay."""

    ids: ChannelIds
    layer: str
    reason: str


class ChannelSpace:
    """Gives out ids and notes which belong together and which must stay."""

    def __init__(self) -> None:
        self.producers: list[Producer] = []
        self.fixings: list[Fixing] = []
        self.barriers: dict[str, tuple[int, str]] = {}
        self._by_part: dict[tuple[str, str], Producer] = {}
        self._edges: list[ChannelIds] = []
        self._next = 1

    def fresh(self, layer: str, count: int, part: str = "") -> ChannelIds:
        """New ids for `count` channels of a layer; a second call of a shared layer gets the same."""
        producer = self._by_part.get((layer, part))
        if producer is None:
            producer = Producer(layer, part, self._next, count)
            self._by_part[layer, part] = producer
            self.producers.append(producer)
            self._next += count
        return np.arange(producer.first, producer.first + count)

    def unite(self, one: ChannelIds, other: ChannelIds) -> None:
        """Elements at the same place of two equally shaped arrays go together."""
        one, other = np.broadcast_arrays(one, other)
        shared = [a == 0 and b == 0 for a, b in zip(one.strides, other.strides, strict=True)]
        self._edges.append(np.stack([first_along(ids, shared).ravel() for ids in (one, other)]))

    def fix(self, ids: ChannelIds, layer: str, reason: str) -> None:
        """The channels behind `ids` must stay, because `layer` needs them."""
        small = np.unique(collapse(ids))
        small = small[small != 0]
        if small.size:
            self.fixings.append(Fixing(small, layer, reason))

    def close(self, layer: str, channels: int, reason: str) -> None:
        """A layer with weights makes channels that no one can follow."""
        self.barriers.setdefault(layer, (channels, reason))

    def fix_unless_vector(self, ids: ChannelIds, axis: int, layer: str) -> ChannelIds:
        """Ids along `axis`; where they also differ along another axis the channels are fixed."""
        line = vector(ids, axis)
        if line is not None:
            return line
        self.fix(ids, layer, "reads its neurons spread over several axes")
        return none((ids.shape[axis],))

    def classes(self) -> ChannelIds:
        """Maps every id to the smallest id of its class; ids united with 0 map to 0.

        Min-label propagation with pointer jumping: linear in the edges per round, and the number
        of rounds grows with the logarithm of the longest chain.
        """
        label = np.arange(self._next)
        if not self._edges:
            return label
        edges = np.unique(np.concatenate(self._edges, axis=1), axis=1)
        while True:
            low = label[edges].min(axis=0)
            before = label.copy()
            np.minimum.at(label, label[edges[0]], low)
            np.minimum.at(label, label[edges[1]], low)
            label = label[label]
            if (label == before).all():
                return label


def concatenate(parts: Sequence[ChannelIds], axis: int) -> ChannelIds:
    """Ids of the concatenated tensors, still a broadcast view where all parts are."""
    rank = parts[0].ndim
    shared = [
        other != axis % rank and all(part.strides[other] == 0 or part.shape[other] == 1 for part in parts)
        for other in range(rank)
    ]
    joined = np.concatenate([first_along(part, shared) for part in parts], axis=axis)
    sizes = list(parts[0].shape)
    sizes[axis] = joined.shape[axis]
    return np.broadcast_to(joined, sizes)


@dataclasses.dataclass(frozen=True)
class KeepMask:
    """Which channels stay, asked by their ids: `channel_of` is that of the `DependencyGraph`.

    `keep` (channels,) is true where a channel stays; channel 0, "no channel", always does.
    """

    channel_of: np.ndarray
    keep: np.ndarray

    def mask(self, ids: ChannelIds) -> np.ndarray:
        """True where the channel behind the id stays."""
        return np.asarray(self.keep[self.channel_of[ids]])

    def count(self, ids: ChannelIds) -> int:
        """How many elements of a vector of ids stay."""
        return int(self.mask(ids).sum())

    def shape(self, ids: ChannelIds) -> tuple[int, ...]:
        """Afterwards: along each axis, the positions at which anything stays."""
        mask = self.mask(collapse(ids))
        axes = range(mask.ndim)
        left = [int(mask.any(axis=tuple(o for o in axes if o != axis)).sum()) for axis in axes]
        return tuple(
            size if stride == 0 else kept
            for size, stride, kept in zip(ids.shape, ids.strides, left, strict=True)
        )
