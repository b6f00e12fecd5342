"""The range of every activation, from calibration samples.

- extremes: smallest and largest value seen; one outlier widens the step for all other values;
- least squares: the share of the extremes whose rounding and clipping error together are least,
  ``argmin_c E[(x - Q_c(x))²]`` over the samples, which percentiles only approximate.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeprune.conversion.activations import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.conversion.values import Samples

_KEPT_PER_SAMPLE = 512
_SHARES = np.linspace(1.0, 0.3, 36)


@dataclasses.dataclass(frozen=True)
class Range:
    """Smallest and largest value a tensor's integers stand for; `rank` is its number of axes."""

    low: float
    high: float
    rank: int


@dataclasses.dataclass(frozen=True)
class Observed:
    """One tensor over all samples.

    Attributes:
        extremes: over every value.
        values: a seeded choice of values, (n,).
    """

    extremes: Range
    values: npt.NDArray[np.float32]


def observe(float_tflite: bytes, samples: Samples, seed: int = 0) -> dict[str, Observed]:
    """Runs the samples and keeps, for each activation, its extremes and some of its values."""
    rng = np.random.default_rng(seed)
    extremes: dict[str, Range] = {}
    values: dict[str, list[npt.NDArray[np.float32]]] = {}
    for activations in record(float_tflite, samples):
        for name, array in activations.items():
            seen = extremes.get(name, Range(np.inf, -np.inf, array.ndim))
            low, high = float(array.min()), float(array.max())
            extremes[name] = Range(min(seen.low, low), max(seen.high, high), array.ndim)
            values.setdefault(name, []).append(rng.choice(array.reshape(-1), _KEPT_PER_SAMPLE))
    return {name: Observed(extremes[name], np.concatenate(values[name])) for name in extremes}


def extremes(observed: Mapping[str, Observed]) -> dict[str, Range]:
    """Ranges that hold every value seen."""
    return {name: one.extremes for name, one in observed.items()}


def least_squares(observed: Mapping[str, Observed]) -> dict[str, Range]:
    """Ranges with the least squared error of int8 rounding and clipping."""
    return {name: _narrowed(one) for name, one in observed.items()}


def _narrowed(one: Observed) -> Range:
    low, high = min(one.extremes.low, 0.0), max(one.extremes.high, 0.0)
    candidates = [Range(low * share, high * share, one.extremes.rank) for share in _SHARES]
    return min(candidates, key=lambda candidate: _squared_error(one.values, candidate))


def _squared_error(values: npt.NDArray[np.float32], tried: Range) -> float:
    step = max((tried.high - tried.low) / 255, np.finfo(np.float32).tiny)
    levels = np.clip(np.round((values - tried.low) / step), 0, 255)
    return float(np.square(values - (tried.low + levels * step)).mean())


def as_package_wants(ranges: Mapping[str, Range]) -> dict[str, dict[str, Any]]:
    """Ranges as `ai-edge-quantizer` takes them: arrays with the tensor's rank."""
    return {
        name: {
            "min": np.full((1,) * one.rank, one.low, np.float32),
            "max": np.full((1,) * one.rank, one.high, np.float32),
        }
        for name, one in ranges.items()
    }
