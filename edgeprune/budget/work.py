"""What a model's layers do, as a function of how many channels each group keeps: what latency is made of.

For each layer with a kernel, three amounts

    multiply-accumulates, both channel counts rounded up to what the runtime computes at once
    values written (positions x output channels)      values read (positions x input channels)

The rounding is why latency goes down in steps: with tiles of 16, 17 and 32 channels take the same time.
"""

import dataclasses

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph

AMOUNTS = ("macs", "written", "read")


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Channels that the runtime computes at once; 1 is no rounding."""

    read: int = 1
    written: int = 1


TILES = tuple(Tiles(read, written) for read in (1, 4, 8) for written in (1, 8, 16, 32))


@dataclasses.dataclass(frozen=True, eq=False)
class LayerWork:
    """The layers' work.

    Attributes:
        layers: path of each kernel's layer.
        kinds: layers of one kind are expected to take the same time for the same amount of work.
        times: (L,) output positions x window of each kernel.
        fixed: (2, L) input and output channels that no group decides over.
        per_channel: (2, L, G) input and output channels for each kept channel of a group.
        depthwise: (L,) whether each channel is worked on alone: only the output counts.
    """

    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    times: np.ndarray
    positions: np.ndarray
    fixed: np.ndarray
    per_channel: np.ndarray
    depthwise: np.ndarray

    def amounts(self, counts: np.ndarray, tiles: Tiles) -> np.ndarray:
        """(N, 3·L): `AMOUNTS` of every layer, for kept counts (N, G)."""
        read = counts @ self.per_channel[0].T + self.fixed[0]
        written = counts @ self.per_channel[1].T + self.fixed[1]
        depth = np.where(self.depthwise, 1.0, _round_up(read, tiles.read))
        macs = self.times * depth * _round_up(written, tiles.written)
        values_read = np.where(self.depthwise, 0.0, self.positions * read)
        return np.concatenate([macs, self.positions * written, values_read], axis=1)


def _round_up(lengths: np.ndarray, tile: int) -> np.ndarray:
    return lengths if tile == 1 else np.ceil(lengths / tile - 1e-9) * tile


def work_of(dependencies: DependencyGraph) -> LayerWork:
    """The work of a traced model."""
    sizes = np.array([len(group.channels) for group in dependencies.groups], float)
    group_of = np.full(dependencies.count, len(sizes))
    for number, group in enumerate(dependencies.groups):
        group_of[group.channels] = number

    def side(ids: np.ndarray) -> tuple[float, np.ndarray]:
        """Channels along an axis: those of no group, and (G,) those for each kept channel of a group."""
        members = np.bincount(group_of[dependencies.channel_of[ids]], minlength=len(sizes) + 1)
        return float(members[-1]), members[:-1] / np.maximum(sizes, 1)

    one = (1.0, np.zeros(len(sizes)))
    paths, kinds, times, positions, depthwise = [], [], [], [], []
    sides: tuple[list[tuple[float, np.ndarray]], ...] = ([], [])
    for path, weights in dependencies.layer_flows.items():
        layer = dependencies.graph.layers[path]
        for shape, weight in zip(layer.weight_shapes, weights, strict=True):
            if len(shape) < 2 or not weight.reuse:
                continue
            # Where one side has no channel to lose, its size is part of the window.
            window = float(np.prod([n for n, ids in zip(shape, weight.axes, strict=True) if ids is None]))
            ends = [side(np.asarray(ids)) for ids in weight.axes if ids is not None][-2:]
            alone = len(ends) < 2
            paths.append(path)
            kinds.append(f"{layer.kind} {'1' if window == 1 else 'k'}{' alone' if alone else ''}")
            times.append(weight.reuse * window)
            positions.append(weight.reuse)
            depthwise.append(alone)
            sides[0].append(one if alone else ends[0])
            sides[1].append(ends[-1] if ends else one)
    fixed = np.array([[fixed for fixed, _ in ends] for ends in sides]).reshape(2, len(paths))
    shares = np.array([[shares for _, shares in ends] for ends in sides]).reshape(2, len(paths), len(sizes))
    return LayerWork(
        tuple(paths), tuple(kinds), np.array(times, float), np.array(positions, float), fixed, shares,
        np.array(depthwise, bool),
    )  # fmt: skip
