"""Why each group has the width it has, and what was predicted and measured: values for the report.

Light on purpose: reports are read without TensorFlow and without a device.
"""

import dataclasses
from collections.abc import Mapping

from edgeprune import quantities

NOUNS = {"latency_ms": "latency", "memory_bytes": "memory", "size_bytes": "size", "macs": "MAC"}


@dataclasses.dataclass(frozen=True)
class GroupExplanation:
    """The width of one group, whose channels `layers` make.

    Attributes:
        latency_ms: predicted, of the layers that make or read its channels, in the pruned model; None where
            no latency was measured.
        next_width: the nearest narrower width that saves something; None where there is none.
        saves_ms, added_divergence: what going there would save, and add to the divergence of the outputs
            before training.
        changed: the same as a ratio of predictions that would differ; an estimate from all evaluated plans,
            None where there are no predictions to compare.
    """

    group: str
    layers: tuple[str, ...]
    units_before: int
    units_after: int
    latency_ms: float | None
    next_width: int | None
    saves_ms: float | None
    added_divergence: float
    changed: float | None = None


@dataclasses.dataclass(frozen=True)
class Round:
    """One built model, its figures predicted and measured by limit, in the limit's unit.

    Attributes:
        counts: kept channels of each group.
        low, high: interval of the latency in ms; None where it has no limit.
        inside: whether all limits hold, the latency's with its interval.
    """

    counts: tuple[int, ...]
    predicted: Mapping[str, float]
    measured: Mapping[str, float]
    low: float | None
    high: float | None
    inside: bool


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The outcome of a search.

    Attributes:
        runtime: of the device; empty where nothing was timed.
        baseline: what the original takes, quantized alike; by limit, in its unit.
        rounds: models that were built and measured before training, in order; the last is the result.
        family: how the plan was made, see `edgeprune.budget.plans`.
        divergences: measured, of the plan of each family.
        tried: plans whose networks were built to see what they do to the outputs.
        candidates: measured for the latency table.
        median_error: relative, of the table's predictions of candidates left out of its fit; None where
            there is no table.
        deployed: the last measurement: the trained and quantized file that ships.
    """

    device: str
    runtime: str
    baseline: Mapping[str, float]
    limits: Mapping[str, float]
    rows: tuple[GroupExplanation, ...]
    rounds: tuple[Round, ...]
    family: str
    divergences: Mapping[str, float]
    tried: int
    candidates: int
    median_error: float | None = None
    deployed: Round | None = None


def show_cost(name: str, value: float) -> str:
    """An amount of a resource for people."""
    if name == "latency_ms":
        return quantities.show_duration(value)
    return f"{value:,.0f} MACs" if name == "macs" else quantities.show_size(value)
