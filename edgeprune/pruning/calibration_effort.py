"""How many calibration samples each step can afford, in memory and in multiply-accumulates."""

import dataclasses

import numpy as np

from edgeprune.graph.channel_ids import static
from edgeprune.graph.model_graph import ModelGraph

ACTIVATION_BYTES = 1_500_000_000
COPIES = 4
"""The original and the pruned network side by side, and numpy copies of what goes into a layer."""
BATCH_BYTES = 128_000_000
"""Activations of one network that are alive at once where samples may come in batches."""
OBSERVE_MACS = 1e12
MEASURE_MACS = 5e11
LEAST = 16
MOST_MEASURED = 384
FRACTIONS = (0.25, 0.5, 0.75, 0.875)
FEW_FRACTIONS = (0.5, 0.8)
ENOUGH_MEASURED = 32
"""Samples below which rather fewer fractions are measured."""


@dataclasses.dataclass(frozen=True)
class CalibrationEffort:
    """Numbers of samples, and the fractions of each group that are removed to measure its sensitivity.

    The activations of those `at_once` fit into memory, beside those of the pruned network; a `batch` of them
    runs at a time where nothing needs all. The `observed` ones are looked at to choose channels, and the
    outputs of the `measured` ones are compared for every group and fraction.
    """

    at_once: int
    batch: int
    observed: int
    measured: int
    fractions: tuple[float, ...]


def calibration_effort(graph: ModelGraph, macs: int, groups: int) -> CalibrationEffort:
    """What a model of this cost per sample and number of groups allows."""
    fit = samples_within(ACTIVATION_BYTES // COPIES, graph)
    observed = int(OBSERVE_MACS / max(macs, 1))
    affordable = MEASURE_MACS / (max(macs, 1) * max(groups, 1))
    fractions = FRACTIONS if affordable / len(FRACTIONS) >= ENOUGH_MEASURED else FEW_FRACTIONS
    measured = min(max(LEAST // 2, int(affordable / len(fractions))), MOST_MEASURED)
    batch = min(max(LEAST, fit), samples_within(BATCH_BYTES, graph))
    return CalibrationEffort(max(LEAST, fit), batch, max(4 * LEAST, observed), measured, fractions)


def samples_within(most_bytes: int, graph: ModelGraph) -> int:
    """How many samples' activations take so many bytes, one at least."""
    return max(most_bytes // (4 * max(peak_values(graph), 1)), 1)


def peak_values(graph: ModelGraph) -> int:
    """Most activation values of one sample that are alive at the same time."""
    size = {
        tensor.index: call.steps * int(np.prod(static(tensor.shape)))
        for call in graph.calls for tensor in call.outputs
    }
    last: dict[int, int] = {}
    for number, call in enumerate(graph.calls):
        last.update((tensor.index, number) for tensor in call.inputs)
    alive = peak = 0
    for number, call in enumerate(graph.calls):
        alive += sum(size[tensor.index] for tensor in call.outputs)
        peak = max(peak, alive)
        alive -= sum(size[index] for index in {one.index for one in call.inputs} if last[index] == number)
    return peak
