"""The values every metric reads, and what a metric is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np

_ROUNDING = 1e-6  # of a mean in float32


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Labels and outputs of the same samples; see `edgeprune.metrics.evaluate` for the shapes."""

    y_true: np.ndarray
    outputs: np.ndarray
    labels: tuple[str, ...] | None = None
    inputs: np.ndarray | None = None
    threshold: float = 0.5

    def single_score(self) -> bool:
        """Whether the model has one output unit, whose score says positive or negative."""
        return self.outputs.ndim == self.y_true.ndim or self.outputs.shape[-1] == 1

    def predicted(self) -> np.ndarray:
        """Class numbers in the shape of `y_true`: argmax, or score above the threshold."""
        if self.single_score():
            positive: np.ndarray = self.outputs.reshape(self.y_true.shape) > self.threshold
            return positive.astype(np.int64)
        return np.asarray(np.argmax(self.outputs, axis=-1))

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Flat true and predicted class numbers, without positions labelled -1."""
        truth, guess = self.y_true.reshape(-1).astype(np.int64), self.predicted().reshape(-1)
        counted = truth >= 0
        return truth[counted], guess[counted]

    def classes(self) -> int:
        """How many classes there are."""
        return 2 if self.single_score() else int(self.outputs.shape[-1])

    def label(self, number: int) -> str:
        """The name of class `number`, or the number itself where there are no names."""
        names = self.labels or ()
        return names[number] if number < len(names) else str(number)


@dataclasses.dataclass(frozen=True)
class Metric:
    """One row of the table: its `meaning` is a sentence for reports; `compute` gives figures by name."""

    name: str
    meaning: str
    compute: Callable[[Evaluation], dict[str, float]]
    higher_is_better: bool = True
    unit: str = "fraction"  # a fraction lies in 0..1 (an error rate may exceed 1)
    negative: bool = False  # whether a fraction may be below 0, as R² of what is worse than the mean

    def possible(self, value: float) -> bool:
        """Whether a figure can have this value at all."""
        if not math.isfinite(value) or self.unit != "fraction":
            return math.isfinite(value)
        return (self.negative or value >= 0) and (not self.higher_is_better or value <= 1 + _ROUNDING)

    def score(self, figures: Mapping[str, float]) -> float:
        """This metric's own figure, its sign such that higher is better."""
        value = figures[self.name]
        return value if self.higher_is_better else -value


def scalar_metric(
    name: str, meaning: str, compute: Callable[[Evaluation], float], *, higher: bool = True,
    unit: str = "fraction", negative: bool = False,
) -> Metric:
    """A metric with a single figure under its own name."""
    return Metric(name, meaning, lambda evaluation: {name: compute(evaluation)}, higher, unit, negative)
