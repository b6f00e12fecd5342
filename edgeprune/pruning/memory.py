"""How many calibration samples can be in memory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.graph.ids import static
from edgeprune.pruning.samples import count, take

if TYPE_CHECKING:
    from edgeprune.graph.model_graph import ModelGraph
    from edgeprune.pruning.network import Data

BUDGET_BYTES = 1_500_000_000
LEAST = 16
COPIES = 4
"""The original and the pruned network side by side, and numpy copies of what goes into a layer."""


def peak_values(graph: ModelGraph) -> int:
    """Most activation values of one sample that are alive at the same time."""
    size = {tensor.index: int(np.prod(static(tensor.shape))) for call in graph.calls for tensor in call.outputs}
    last: dict[int, int] = {}
    for number, call in enumerate(graph.calls):
        last.update((tensor.index, number) for tensor in call.inputs)
    alive = peak = 0
    for number, call in enumerate(graph.calls):
        alive += sum(size[tensor.index] for tensor in call.outputs)
        peak = max(peak, alive)
        alive -= sum(size[index] for index in {t.index for t in call.inputs} if last[index] == number)
    return peak


def samples_that_fit(graph: ModelGraph, data: Data, seed: int) -> Data:
    """All of the samples, or as many as the budget allows, drawn at random."""
    number = max(LEAST, BUDGET_BYTES // (4 * COPIES * max(peak_values(graph), 1)))
    total = count(data)
    if total <= number:
        return data
    return take(data, np.sort(np.random.default_rng(seed).choice(total, number, replace=False)))
