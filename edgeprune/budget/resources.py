"""What a model may cost, and what a plan is predicted to cost of it.

Every limit is a resource with a prediction; a measured model corrects each prediction by the factor by
which it was wrong. A plan's cost is relative to the limits: 1 is just inside. With several limits those that
hold already pull no more:

    one limit  value / limit            several  Σ max(value / limit, 1) - (number - 1)
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgeprune.budget.allocation import Cost
from edgeprune.budget.least_squares import solve_bounded
from edgeprune.budget.profile import LatencyProfile
from edgeprune.errors import InputError
from edgeprune.graph.cost_model import CostModel, cost_model

INEXACT = 0.98
"""Fraction of a predicted limit that is aimed at, where the built model may take a little more."""


@dataclasses.dataclass(frozen=True)
class ResourceBudget:
    """The most that an inference, its process at the peak, and the file may take; None is no limit."""

    latency_ms: float | None = None
    memory_bytes: float | None = None
    size_bytes: float | None = None
    macs: float | None = None

    def __post_init__(self) -> None:
        """Refuses a budget without limits, or with one that allows nothing."""
        given = self.given()
        if not given:
            raise InputError(
                "The budget has no limit.", "At least one of latency, memory, size and MACs is expected.",
            )
        for name, value in given.items():
            if not value > 0:
                raise InputError(f"The budget's {name} is {value}.", "More than zero is expected.")

    def given(self) -> Mapping[str, float]:
        """The limits that are set, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class Resource:
    """One limit, named as its field of `ResourceBudget` and in that field's unit.

    Attributes:
        predict: kept counts (N, G) to (N,) in that unit.
        aim: fraction of the limit that plans are made for.
        scale: correction by what was measured.
    """

    name: str
    limit: float
    predict: Cost
    aim: float = 1.0
    scale: float = 1.0

    def value(self, counts: np.ndarray) -> float:
        """Predicted for one plan."""
        return float(self.scale * self.predict(np.asarray(counts, float)[None])[0])

    def corrected(self, counts: np.ndarray, measured: float) -> "Resource":
        """Predicts a measured plan exactly; others by the same factor."""
        return dataclasses.replace(self, scale=self.scale * measured / max(self.value(counts), 1e-12))


def relative_cost(resources: Sequence[Resource]) -> Cost:
    """The cost of plans relative to all limits; see the module."""

    def cost(counts: np.ndarray) -> np.ndarray:
        fractions = [one.scale * one.predict(counts) / (one.limit * one.aim) for one in resources]
        if len(fractions) == 1:
            return np.asarray(fractions[0])
        return np.asarray(np.maximum(fractions, 1).sum(axis=0) - (len(fractions) - 1))

    return cost


def resources_of(
    budget: ResourceBudget, profile: LatencyProfile, plans: np.ndarray | None = None,
    memory: Callable[[bytes], float] | None = None,
) -> list[Resource]:  # fmt: skip
    """One resource for each limit; that of memory where `memory` measures the peak bytes of a file's process.

    File sizes are learned from the original and `plans` (N, G).
    """
    given, found = budget.given(), []
    if "latency_ms" in given:
        table, baseline_ms = profile.table, profile.baseline_ms or 0.0
        found.append(
            Resource("latency_ms", given["latency_ms"], lambda counts: baseline_ms * table(counts), INEXACT)
        )
    if "macs" in given:
        macs = vectorized(cost_model(profile.candidates.analysis.dependencies, "macs"))
        found.append(Resource("macs", given["macs"], macs))
    if given.keys() & {"size_bytes", "memory_bytes"}:
        size = _size_of(profile, np.zeros((0, len(profile.full)), int) if plans is None else plans)
        if "size_bytes" in given:
            found.append(Resource("size_bytes", given["size_bytes"], size, INEXACT))
        if "memory_bytes" in given and memory is not None:
            predict = _memory_of(profile, size, memory)
            found.append(Resource("memory_bytes", given["memory_bytes"], predict, INEXACT))
    return found


def vectorized(model: CostModel) -> Cost:
    """A cost model for many plans at once."""

    def cost(counts: np.ndarray) -> np.ndarray:
        lengths = model.fixed[:, :, None] + model.lengths @ np.asarray(counts, float).T
        return np.asarray(model.constants @ lengths.prod(axis=1))

    return cost


def _size_of(profile: LatencyProfile, plans: np.ndarray) -> Cost:
    """Bytes of the file: a constant, and a rate for each parameter and for each channel's scales."""
    params = vectorized(cost_model(profile.candidates.analysis.dependencies, "params"))
    full, files = profile.full, profile.candidates
    learned = plans if files.cheap else plans[:0]
    rows = np.vstack([learned, full])
    sizes = np.array([*(len(files.file(counts)) for counts in learned), len(files.baseline)], float)
    original = np.array([1.0, params(full[None].astype(float))[0], full.sum()])

    def features(counts: np.ndarray) -> np.ndarray:
        found = np.stack([np.ones(len(counts)), params(counts), counts.sum(axis=1)], axis=1)
        return np.asarray(found / original)

    weights = np.full(len(rows), (0.001 * sizes[-1]) ** -2)
    prior = sizes[-1] * np.array([0.05, 0.9, 0.05])
    rates = solve_bounded(features(rows.astype(float)), sizes, weights, prior, prior)
    return lambda counts: np.asarray(features(counts) @ rates)


def _memory_of(profile: LatencyProfile, size: Cost, memory: Callable[[bytes], float]) -> Cost:
    """Peak bytes: a constant and a multiple of the file's size, by two runs on the device."""
    quarter = np.maximum(profile.full // 4, 1)
    most, less = memory(profile.candidates.baseline), memory(profile.candidates.file(quarter))
    sizes = size(np.stack([profile.full, quarter]).astype(float))
    slope = max((most - less) / max(sizes[0] - sizes[1], 1.0), 0.0)
    return lambda counts: most + slope * (size(counts) - sizes[0])
