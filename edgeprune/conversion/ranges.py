"""The range of every activation, from calibration samples.

- extremes: smallest and largest value seen; one outlier widens the step for all other values;
- least squares: the extremes scaled by the ratio whose rounding and clipping error together are least,
  ``argmin_c E[(x - Q_c(x))²]`` over the samples, which percentiles only approximate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from edgeprune.conversion.activations import record
from edgeprune.conversion.values import Samples

_KEPT_PER_SAMPLE = 512
_RATIOS = np.linspace(1.0, 0.3, 36)


@dataclasses.dataclass(frozen=True)
class Range:
    """Smallest and largest value a tensor's integers stand for; `rank` is its number of axes."""

    low: float
    high: float
    rank: int


@dataclasses.dataclass(frozen=True)
class TensorStatistics:
    """One tensor over all samples: its extremes, and a seeded choice of its values, (n,)."""

    extremes: Range
    values: np.ndarray


def collect(float_tflite: bytes, samples: Samples, seed: int = 0) -> dict[str, TensorStatistics]:
    """Runs the samples and keeps, for each activation, its extremes and some of its values."""
    rng = np.random.default_rng(seed)
    extremes: dict[str, Range] = {}
    values: dict[str, list[np.ndarray]] = {}
    for activations in record(float_tflite, samples):
        for name, array in activations.items():
            seen = extremes.get(name, Range(np.inf, -np.inf, array.ndim))
            low, high = float(array.min()), float(array.max())
            extremes[name] = Range(min(seen.low, low), max(seen.high, high), array.ndim)
            values.setdefault(name, []).append(rng.choice(array.reshape(-1), _KEPT_PER_SAMPLE))
    return {name: TensorStatistics(extremes[name], np.concatenate(values[name])) for name in extremes}


def extremes(statistics: Mapping[str, TensorStatistics]) -> dict[str, Range]:
    """Ranges that hold every value seen."""
    return {name: one.extremes for name, one in statistics.items()}


def least_squares(statistics: Mapping[str, TensorStatistics]) -> dict[str, Range]:
    """Ranges with the least squared error of int8 rounding and clipping."""
    return {name: _least_squares(one) for name, one in statistics.items()}


def _least_squares(one: TensorStatistics) -> Range:
    low, high = min(one.extremes.low, 0.0), max(one.extremes.high, 0.0)
    candidates = [Range(low * ratio, high * ratio, one.extremes.rank) for ratio in _RATIOS]
    return min(candidates, key=lambda candidate: _squared_error(one.values, candidate))


def _squared_error(values: np.ndarray, tried: Range) -> float:
    step = max((tried.high - tried.low) / 255, np.finfo(np.float32).tiny)
    rounded = np.clip(np.round((values - tried.low) / step), 0, 255)
    return float(np.square(values - (tried.low + rounded * step)).mean())
