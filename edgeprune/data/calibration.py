"""Samples that stand for the rest: they drive reconstruction and quantization ranges."""

from __future__ import annotations

import numpy as np

from edgeprune.data.dataset import Split


def choose(split: Split, number: int, seed: int) -> Split:
    """Draws `number` samples or all there are, every class as often as every other while they last.

    Test data is never passed in here.
    """
    order = np.random.default_rng(seed).permutation(len(split))
    if split.y is not None and split.y.ndim == 1:
        # The n-th sample of each class comes before the n+1-th of any: a stable sort by that rank.
        rank = np.empty(len(order), int)
        seen: dict[int, int] = {}
        for place, label in enumerate(split.y[order].tolist()):
            rank[place] = seen[label] = seen.get(label, -1) + 1
        order = order[np.argsort(rank, kind="stable")]
    return split.take(np.sort(order[:number]))
