"""Greedy block elimination by Optimal Brain Surgeon, over everything that reads the channels.

For a read z = X·W + b with covariance S of the rows of X, the least-squares optimal refit after
channel c (rows B of W) is gone costs, with H = (S + λI)⁻¹,

    cost(c) = tr(W_Bᵀ [H_BB]⁻¹ W_B),    W ← W - H_:B [H_BB]⁻¹ W_B,    H ← H - H_:B [H_BB]⁻¹ H_B:

Costs are relative to the energy tr(Wᵀ S W) of the read and add up over all reads of a channel. The
cheapest goes first. Hassibi & Stork, NeurIPS 1992; He, Zhang & Sun, ICCV 2017; SparseGPT, ICML 2023.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph.dependency_graph import ChannelGroup
from edgeprune.pruning.activation_statistics import Moments
from edgeprune.pruning.importance.criterion import GroupImportance

RIDGE = 1e-4
STEPS = 256
"""A group of more channels loses several of them at a time."""
_COMPACT_AT = 0.1
"""Channels that went, of those that are left, when they are cut out of the matrices."""


@dataclasses.dataclass
class _Read:
    """The state of one read while channels go; those that went are cut out of it by `compact`.

    Attributes:
        inverse: H (R + p, R + p); the last p rows, the padding, make blocks equally long and read nothing.
        matrix: W (R + p, O).
        blocks: (channels, rows per channel) positions of each channel's rows.
        energy: what costs are relative to.
    """

    inverse: np.ndarray
    matrix: np.ndarray
    blocks: np.ndarray
    energy: float
    padding: int

    def costs(self, alive: np.ndarray) -> np.ndarray:
        blocks = self.blocks[alive]
        if blocks.shape[1] == 1:  # the same as below, without a system of equations for each channel
            single = blocks[:, 0]
            rows = self.matrix[single]
            return np.asarray(np.einsum("bo,bo->b", rows, rows) / self.inverse[single, single] / self.energy)
        corner = self.inverse[blocks[:, :, None], blocks[:, None, :]]
        rows = self.matrix[blocks]
        return np.asarray(np.einsum("bio,bio->b", rows, np.linalg.solve(corner, rows)) / self.energy)

    def remove(self, channels: np.ndarray) -> float:
        """Removes some channels at once; what that costs."""
        rows = np.unique(self.blocks[channels])
        block = self.inverse[rows]
        gone = self.matrix[rows]
        solved = np.linalg.solve(block[:, rows], np.concatenate([block, gone], axis=1))
        left, weights = solved[:, : len(self.inverse)], solved[:, len(self.inverse) :]
        self.matrix -= left.T @ gone
        self.inverse -= block.T @ left  # H is symmetric
        if self.padding:
            self.inverse[-self.padding :, -self.padding :] = np.eye(self.padding)
        return float(np.sum(gone * weights)) / self.energy

    def compact(self, gone: np.ndarray) -> None:
        """Takes out the rows of channels that went since the last time: they are zero by now."""
        stays = np.ones(len(self.inverse), bool)
        stays[self.blocks[gone]] = False
        if self.padding:
            stays[-self.padding :] = True
        self.inverse, self.matrix = self.inverse[np.ix_(stays, stays)], self.matrix[stays]
        self.blocks = (np.cumsum(stays) - 1)[self.blocks]


def rank(group: ChannelGroup, moments: Sequence[Moments]) -> GroupImportance | None:
    """Removal order of one group, by the reads that read it; None where nothing does so linearly."""
    reads = [_begin(group, one) for one in moments if np.isin(one.channels, group.channels).any()]
    if not reads:
        return None
    size = len(group.channels)
    chunk = -(-size // STEPS)
    alive = np.arange(size)
    order: list[np.ndarray] = []
    costs: list[np.ndarray] = []
    missing: list[np.ndarray] = []
    while len(alive):
        each = sum((read.costs(alive) for read in reads), np.zeros(len(alive)))
        chosen = np.argsort(each, kind="stable")[:chunk]
        gone = alive[chosen]
        together = sum(read.remove(gone) for read in reads)
        order.append(gone)
        costs.append(_split_cost(max(together, 0.0), each[chosen]))
        alive = np.delete(alive, chosen)
        missing.append(gone)
        if sum(map(len, missing)) >= _COMPACT_AT * (len(alive) + 1):
            for read in reads:
                read.compact(np.concatenate(missing))
            missing.clear()
    return GroupImportance(np.concatenate(order), np.concatenate(costs))


def _split_cost(total: float, each: np.ndarray) -> np.ndarray:
    """Splits a cost by what the parts would cost alone."""
    each = np.maximum(each, 0)
    return total * each / each.sum() if each.sum() > 0 else np.full(len(each), total / len(each))


def _begin(group: ChannelGroup, moments: Moments) -> _Read:
    positions = [np.flatnonzero(moments.channels == channel) for channel in group.channels]
    longest = max(len(rows) for rows in positions)
    padding = longest - min(len(rows) for rows in positions)
    size = len(moments.covariance)
    blocks = np.stack([np.concatenate([rows, size + np.arange(longest - len(rows))]) for rows in positions])
    ridge = RIDGE * max(float(np.trace(moments.covariance)) / size, 1e-12)
    inverse = np.eye(size + padding)
    inverse[:size, :size] = np.linalg.inv(moments.covariance + ridge * np.eye(size))
    matrix = _square_root(moments.matrix)
    matrix = np.concatenate([matrix, np.zeros((padding, matrix.shape[1]))])
    energy = float(np.sum(moments.matrix * (moments.covariance @ moments.matrix)))
    return _Read(inverse, matrix, blocks.astype(int), max(energy, 1e-12), padding)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    """W (R, O) with more columns than rows as the RxR factor of W·Wᵀ; all costs are the same."""
    if matrix.shape[1] <= matrix.shape[0]:
        return np.array(matrix)
    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
