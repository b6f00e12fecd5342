"""Reasons to doubt timings."""

from __future__ import annotations

from typing import Sequence

from device_runners.agent.measure import SPREAD_LIMIT
from edgeprune.run_parts import DeviceFacts, percentile, spread

_CLOCK_CHANGE = 0.05
_DRIFT = 0.10
_HOT_C = 80.0
_THROTTLED_NOW = 0xF  # under-voltage, capped, throttled, soft temperature limit; higher bits are history


def reasons(latency_ns: Sequence[int], facts: DeviceFacts) -> tuple[str, ...]:
    """One short sentence each; empty when nothing speaks against the timings."""
    found = []
    width, before, after = spread(latency_ns), facts.before, facts.after
    if width > SPREAD_LIMIT:
        limit = f"{SPREAD_LIMIT:.0%} is the limit"
        found.append(f"spread too wide: the middle half of the runs spans {width:.0%}, {limit}")
    third = len(latency_ns) // 3
    if third >= 3:
        early, late = percentile(latency_ns[:third], 0.5), percentile(latency_ns[-third:], 0.5)
        if abs(late / early - 1) > _DRIFT:
            word = "longer" if late > early else "less"
            found.append(f"drift: the last third took {abs(late / early - 1):.0%} {word} than the first")
    if (after.throttled or 0) & _THROTTLED_NOW:
        found.append(f"throttled: the firmware reports {after.throttled:#x}")
    if before.clock_khz and after.clock_khz and abs(after.clock_khz / before.clock_khz - 1) > _CLOCK_CHANGE:
        found.append(f"clock changed from {before.clock_khz // 1000} to {after.clock_khz // 1000} MHz")
    if (after.temperature_c or 0) >= _HOT_C:
        found.append(f"hot: {after.temperature_c:.0f} °C")
    if before.load is not None and before.load > facts.cores / 2:
        found.append(f"other load: {before.load:.1f} processes were running on {facts.cores} cores before")
    return tuple(found)
