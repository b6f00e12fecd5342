"""The parts of the weights that belong to a channel, for criteria that look at weights alone."""

from collections.abc import Iterator

import numpy as np

from edgeprune.graph.dependency_graph import ChannelGroup
from edgeprune.pruning.importance.criterion import CriterionContext


def slices(context: CriterionContext, *, made_only: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every kernel axis of `places`, its channels, and the kernel as a matrix with that axis first."""
    for layer, index, axis, channels in places(context, made_only=made_only):
        weight = context.network.weights(layer)[index]
        yield channels, np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def places(
    context: CriterionContext, *, made_only: bool = False
) -> Iterator[tuple[str, int, int, np.ndarray]]:
    """Layer, weight index and axis of every kernel axis that channels lie on, and the channels along it.

    Axes along which a kernel reads channels are left out of those that only make them.
    """
    dependencies = context.dependencies
    read_axes = {
        (call.layer, read.kernel, axis)
        for call, flow in zip(dependencies.graph.calls, dependencies.flows, strict=True)
        for read in flow.reads for axis in read.rows
    }
    for layer, flows in dependencies.layer_flows.items():
        for index, flow in enumerate(flows):
            for axis, ids in enumerate(flow.axes):
                if len(flow.axes) < 2 or ids is None or (made_only and (layer, index, axis) in read_axes):
                    continue
                if dependencies.channel_of[ids].any():
                    yield layer, index, axis, dependencies.channel_of[ids]


def features(context: CriterionContext, group: ChannelGroup) -> np.ndarray:
    """(channels, D): the weights that make each channel, side by side; D is 0 where nothing does."""
    parts = [np.zeros((len(group.channels), 0))]
    for channels, matrix in slices(context, made_only=True):
        rows = [np.flatnonzero(channels == channel) for channel in group.channels]
        if len({len(row) for row in rows}) == 1 and len(rows[0]):
            parts.append(matrix[np.stack(rows)].reshape(len(rows), -1))
    return np.concatenate(parts, axis=1)


class Mean:
    """The mean of per-channel figures from several places, each scaled to mean 1."""

    def __init__(self, count: int) -> None:
        self._total = np.zeros(count)
        self._seen = np.zeros(count)

    def add(self, channels: np.ndarray, figures: np.ndarray) -> None:
        """Adds one place: a figure for each of its positions; positions of one channel add up."""
        sums = np.bincount(channels, figures.astype(np.float64), len(self._total))
        present = np.unique(channels[channels > 0])
        self._total[present] += sums[present] / max(float(sums[present].mean()), 1e-30)
        self._seen[present] += 1

    def scores(self) -> np.ndarray:
        """The mean of every channel, (channels.count,)."""
        return np.asarray(self._total / np.maximum(self._seen, 1))
