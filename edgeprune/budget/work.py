"""What a model's layers do, as a function of how many units each group keeps: what latency is made of.

For each layer with a kernel, three amounts

    multiply-accumulates, both channel counts rounded up to what the runtime computes at once
    values written (positions x output channels)      values read (positions x input channels)

The rounding is why latency goes down in steps: with tiles of 16, 17 and 32 channels take the same time.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.graph.dependency_graph import DependencyGraph

AMOUNTS = ("macs", "written", "read")


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Channels that the runtime computes at once; 1 is no rounding."""

    read: int = 1
    written: int = 1


TILES = tuple(Tiles(read, written) for read in (1, 4, 8) for written in (1, 8, 16, 32))


@dataclasses.dataclass(frozen=True, eq=False)
class Work:
    """The layers' work.

    Attributes:
        layers: path of each kernel's layer.
        kinds: what can be expected to take the same time for the same amount of work.
        times: (L,) positions x window of each kernel.
        positions: (L,) output positions.
        fixed: (2, L) input and output channels that no group decides over.
        shares: (2, L, G) input and output channels for each kept unit of a group.
        alone: (L,) whether each channel is worked on alone (depthwise): only the output counts.
    """

    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    times: np.ndarray
    positions: np.ndarray
    fixed: np.ndarray
    shares: np.ndarray
    alone: np.ndarray

    def amounts(self, counts: np.ndarray, tiles: Tiles) -> np.ndarray:
        """(N, 3·L): `AMOUNTS` of every layer, for kept counts (N, G)."""
        read = counts @ self.shares[0].T + self.fixed[0]
        written = counts @ self.shares[1].T + self.fixed[1]
        deep = np.where(self.alone, 1.0, _up(read, tiles.read))
        macs = self.times * deep * _up(written, tiles.written)
        return np.concatenate(
            [macs, self.positions * written, np.where(self.alone, 0.0, self.positions * read)], axis=1
        )


def _up(lengths: np.ndarray, tile: int) -> np.ndarray:
    return lengths if tile == 1 else np.ceil(lengths / tile - 1e-9) * tile


class _Row(NamedTuple):
    path: str
    kind: str
    times: float
    positions: float
    read: tuple[float, np.ndarray]
    written: tuple[float, np.ndarray]
    alone: bool


def work_of(dependencies: DependencyGraph) -> Work:
    """The work of a traced model."""
    sizes = np.array([len(group.channels) for group in dependencies.groups], float)
    group_of = np.full(dependencies.count, len(sizes))
    for number, group in enumerate(dependencies.groups):
        group_of[group.channels] = number

    def axis(ids: np.ndarray) -> tuple[float, np.ndarray]:
        members = np.bincount(group_of[dependencies.channel_of[ids]], minlength=len(sizes) + 1)
        return float(members[-1]), members[:-1] / np.maximum(sizes, 1)

    rows = []
    for path, weights in dependencies.layer_flows.items():
        layer = dependencies.graph.layers[path]
        for shape, weight in zip(layer.weight_shapes, weights, strict=True):
            if len(shape) < 2 or not weight.reuse:
                continue
            ends = [(place, ids) for place, ids in enumerate(weight.axes) if ids is not None]
            window = float(
                np.prod([size for size, ids in zip(shape, weight.axes, strict=True) if ids is None])
            )
            sides = [axis(np.asarray(ids)) for _, ids in ends][-2:]
            alone = len(sides) < 2
            # Where one side has no unit to lose, its size is part of the window.
            read = (1.0, np.zeros(len(sizes))) if alone else sides[0]
            written = sides[-1] if sides else (1.0, np.zeros(len(sizes)))
            kind = f"{layer.kind} {'1' if window == 1 else 'k'}{' alone' if alone else ''}"
            rows.append(_Row(path, kind, weight.reuse * window, weight.reuse, read, written, alone))
    return _work(rows, len(sizes))


def _work(rows: Sequence[_Row], groups: int) -> Work:
    count = len(rows)
    ends = [[row.read for row in rows], [row.written for row in rows]]
    return Work(
        tuple(row.path for row in rows),
        tuple(row.kind for row in rows),
        np.array([row.times for row in rows], float),
        np.array([row.positions for row in rows], float),
        np.array([[fixed for fixed, _ in side] for side in ends]).reshape(2, count),
        np.array([[shares for _, shares in side] for side in ends]).reshape(2, count, groups),
        np.array([row.alone for row in rows], bool),
    )
