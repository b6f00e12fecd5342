"""Did a model get slower over the runs of a history, and since when?

Runs differ by themselves, and a single slow one says nothing. For a series of medians x (their logarithms),

    change     the split whose two sides differ most for their spread; it counts when fewer than 2 % of random
               orders of the same values have a split as clear, and the sides differ by 2 % or more
               (a permutation test of the largest t, Good 2005); then the later side is searched in turn
    level      the median of the runs since the last change
    limit      the level and three standard deviations, these by the median difference of neighbours / 0.954:
               the control chart for single values (Shewhart 1931; Montgomery 2013, chapter 6.4)

A run that was disturbed must not hide a change: for the test, values far out are moved to three standard
deviations (by the median absolute deviation) from the median.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

LEAST_RUNS = 5  # since the last change, for a limit
_LEAST_SIDE = 3
_LEAST_EFFECT = math.log(1.02)
_SIGNIFICANT = 0.02
_ORDERS = 999
_MOST_RUNS = 300  # of a series, the latest: older ones say little about today
_SIGMAS, _MEDIAN_RANGE, _MAD = 3.0, 0.954, 1.4826
_FAR, _LEAST_SIGMA = 3.0, 0.004


@dataclasses.dataclass(frozen=True)
class Change:
    """The latest change: the number of the first run after it, and latency after / before."""

    start: int
    ratio: float

    @property
    def word(self) -> str:
        """``slower`` or ``faster``."""
        return "slower" if self.ratio > 1 else "faster"


def latest_change(p50_ms: Sequence[float]) -> Change | None:
    """The last change of a series that noise does not explain; None where nothing was shown."""
    offset = max(len(p50_ms) - _MOST_RUNS, 0)
    values = np.log(np.asarray(p50_ms[offset:], np.float64))
    begin, found = 0, None
    while (split := _clearest_split(values[begin:])) is not None:
        effect = float(np.median(values[begin + split :]) - np.median(values[begin : begin + split]))
        begin += split
        found = Change(offset + begin, math.exp(effect))
    return found


def control_limit(p50_ms: Sequence[float]) -> tuple[float, float] | None:
    """Level and upper limit in ms of the runs since the last change; None where they are too few."""
    change = latest_change(p50_ms)
    values = np.log(np.asarray(p50_ms[change.start if change else 0 :][-_MOST_RUNS:], np.float64))
    if len(values) < LEAST_RUNS:
        return None
    level = float(np.median(values))
    sigma = float(np.median(np.abs(np.diff(values)))) / _MEDIAN_RANGE
    return math.exp(level), math.exp(level + max(_SIGMAS * sigma, _LEAST_EFFECT))


def _clearest_split(values: np.ndarray) -> int | None:
    """Where (N,) log latencies change; None where chance does it as well."""
    count = len(values)
    if count < 2 * _LEAST_SIDE + 1:
        return None
    middle = np.median(values)
    far = _FAR * max(_MAD * float(np.median(np.abs(values - middle))), _LEAST_SIGMA)
    raw, values = values, np.clip(values, middle - far, middle + far)
    clearness = _clearness(values[None])[0]
    split = int(clearness.argmax())
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.broadcast_to(values, (_ORDERS, count)), axis=1)
    as_clear = int((_clearness(orders).max(axis=1) >= clearness[split] * (1 - 1e-9)).sum())
    split += _LEAST_SIDE
    effect = abs(float(np.median(raw[split:]) - np.median(raw[:split])))
    return split if (as_clear + 1) / (_ORDERS + 1) < _SIGNIFICANT and effect >= _LEAST_EFFECT else None


def _clearness(values: np.ndarray) -> np.ndarray:
    """Two-sample t (K, splits) of each split of K series (K, N)."""
    count = values.shape[1]
    values = values - values.mean(axis=1, keepdims=True)
    left = np.arange(_LEAST_SIDE, count - _LEAST_SIDE + 1)
    sums = np.cumsum(values, axis=1)[:, left - 1]  # the right side sums to the negative
    between = sums**2 / left + sums**2 / (count - left)
    within = np.maximum((values**2).sum(axis=1, keepdims=True) - between, 1e-18)
    t: np.ndarray = np.sqrt(between / within * (count - 2))
    return t
