"""Which of the candidates ships: the best of what was tried, as a person would decide.

1. What loses more than the limit goes, where anything keeps it.
2. What is significantly less accurate than another goes: paired, on the same samples, for every part
   (jackknife, 5 %), and by more than a fifth of the limit.
3. What is slower than the float file goes, where anything is not; unless size is preferred.
4. Of the rest the nearest to the ideal ships, which is as small as the smallest and as fast as the fastest:

       distance² = log(bytes / smallest)² + log(µs / fastest)²

   A difference within noise, or of no use to anybody, is none. Accuracy decides between equals.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgeprune.conversion.candidates import Candidate, CandidateSet
from edgeprune.conversion.options import Preference

_T = 2.26
"""Student's t, two-sided 5 %, for ten blocks of the jackknife."""
_FRACTION_OF_LIMIT = 0.2
SAME_SIZE, SAME_LATENCY = 1.02, 1.15
"""Ratios below which two files are of one size, and two latencies within noise."""
_CALL_US = 2.0
"""What a call costs beside the model: noise of that size is none of the model's."""
_NO_USE_US = 2.0
"""A difference of so much is of no use: setting the input and reading the output takes an app longer, and the
shortest interval that one prediction can stand in, a sample of audio at 48 kHz, is ten times as long."""

Timer = Callable[[Sequence[bytes]], Sequence[float]]
"""Latencies of some files in microseconds, measured in turns."""


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """The candidate that ships, and of each candidate the verdict and the latency that decided."""

    chosen: Candidate
    verdicts: Mapping[Candidate, str]
    latencies_us: Mapping[Candidate, float]
    runners_up: tuple[Candidate, ...] = ()  # as accurate, next nearest first
    is_slower: bool = False  # than the float file


def choose(
    found: CandidateSet, prefer: Preference, timer: Timer, floating: bytes | None = None
) -> Choice | None:
    """The choice; None where nothing was made. It is not slower than the `floating` file if it can be."""
    most_accurate = found.best()
    if most_accurate is None:
        return None
    within = [one for one in found.candidates if one.lost_points <= found.max_drop_points]
    verdicts = dict.fromkeys(found.candidates, "loses too much")
    if not within:
        return Choice(most_accurate, {**verdicts, most_accurate: "lost least"}, {})
    floor = _FRACTION_OF_LIMIT * found.max_drop_points / 100
    accurate = [one for one in within if not any(less_accurate(one, other, floor) for other in within)]
    # Each may be beaten by another where there are several parts.
    accurate = accurate or [min(within, key=lambda one: one.lost_points)]
    verdicts |= dict.fromkeys(within, "less accurate")
    files = [one.converted.tflite for one in accurate] + ([] if floating is None else [floating])
    times = [accurate[0].latency_us] if len(files) == 1 else list(timer(files))
    latencies = dict(zip(accurate, times, strict=False))
    slow = [one for one in accurate if floating is not None and slowdown(latencies[one], times[-1])]
    fast = [one for one in accurate if one not in slow]
    judged = accurate if prefer == "size" or not fast else fast
    times = [latencies[one] for one in judged]
    distances = _distances([len(one.converted.tflite) for one in judged], times, prefer)
    distance_of = dict(zip(judged, distances, strict=True))
    chosen, *others = sorted(judged, key=lambda one: (distance_of[one], found.accuracy_rank(one)))
    verdicts |= {one: _verdict(one, chosen, latencies) for one in others} | {chosen: "shipped"}
    out = [one for one in accurate if one not in judged]
    verdicts |= dict.fromkeys(out, "slower than float")
    return Choice(chosen, verdicts, latencies, (*others, *out), chosen in slow)


def less_accurate(one: Candidate, other: Candidate, floor: float) -> bool:
    """Whether `one` is significantly below `other` in any part, by more than `floor` (a fraction)."""
    drops, errors = one.scores.drops_from(other.scores)
    return bool(np.any((drops > floor) & (drops > _T * errors)))


def slowdown(time_us: float, than_us: float) -> float:
    """How much slower one file is than another, as a logarithm; 0 where that is noise or of no use."""
    if time_us - than_us < _NO_USE_US:
        return 0.0
    return _beyond((time_us + _CALL_US) / (than_us + _CALL_US), SAME_LATENCY)


def _distances(
    sizes: Sequence[int], times_us: Sequence[float], prefer: Preference
) -> list[tuple[float, float]]:
    size = [_beyond(one / min(sizes), SAME_SIZE) for one in sizes]
    time = [slowdown(one, min(times_us)) for one in times_us]
    pairs = list(zip(size, time, strict=True))
    if prefer == "size":
        return pairs
    if prefer == "speed":
        return [(slower, larger) for larger, slower in pairs]
    return [(math.hypot(*pair), 0.0) for pair in pairs]


def _beyond(ratio: float, noise: float) -> float:
    return 0.0 if ratio < noise else math.log(ratio)


def _verdict(one: Candidate, chosen: Candidate, latencies_us: Mapping[Candidate, float]) -> str:
    size = len(one.converted.tflite) / len(chosen.converted.tflite)
    slower = slowdown(latencies_us[one], latencies_us[chosen]) > 0
    words = [word for word, holds in (("larger", size >= SAME_SIZE), ("slower", slower)) if holds]
    return " and ".join(words) or "no better"
