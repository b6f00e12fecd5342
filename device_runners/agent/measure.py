"""Time inferences: warm-ups apart, then timed runs, more of them while they spread too widely.

    warm-up ──> block of runs ──> enough? ──no──> another block ──> …
                                    └──yes──> done

Enough is: at least `runs` runs and `min_time_ns`, and a spread below `SPREAD_LIMIT` or `max_time_ns`
gone. The clock is handed in, so that a test can own it.
"""

from __future__ import annotations

import dataclasses
from typing import Callable

from edgeprune.run_parts import RunSettings, spread

SPREAD_LIMIT = 0.10
MAX_RUNS = 20_000  # of a model so fast that time alone would fill the record
_BLOCK_RUNS = 10
_MAX_TIME_RATIO = 2


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long to measure."""

    runs: int
    warmup_runs: int
    min_time_ns: int
    max_time_ns: int
    warmup_time_ns: int = 200_000_000

    @classmethod
    def of(cls, settings: RunSettings, min_time_s: float) -> Plan:
        """What the user asked for; an unsteady run may take longer, but not the time limit."""
        longest_s = min(_MAX_TIME_RATIO * min_time_s, settings.time_limit_s / 4)
        return cls(settings.runs, settings.warmup_runs, int(min_time_s * 1e9), int(longest_s * 1e9))


@dataclasses.dataclass(frozen=True)
class RunTimings:
    """What was measured: opening the model, its first inference, the warm-ups after it, the timed runs."""

    load_ns: int
    first_inference_ns: int
    warmup_ns: tuple[int, ...]
    latency_ns: tuple[int, ...]


def warm_up(invoke: Callable[[], object], clock: Callable[[], int], plan: Plan) -> list[int]:
    """Run until caches, clocks and thread pools are up; returns the latencies in ns."""
    latencies: list[int] = []
    begin = clock()
    while len(latencies) < MAX_RUNS:
        started = clock()
        if len(latencies) >= plan.warmup_runs and started - begin >= plan.warmup_time_ns:
            break
        invoke()
        latencies.append(clock() - started)
    return latencies


def time_runs(invoke: Callable[[], object], clock: Callable[[], int], plan: Plan) -> list[int]:
    """Timed runs; returns the latencies in ns."""
    latencies: list[int] = []
    begin = clock()
    while not _enough(latencies, clock() - begin, plan):
        for _ in range(_BLOCK_RUNS):
            started = clock()
            invoke()
            latencies.append(clock() - started)
    return latencies


def _enough(latencies: list[int], elapsed_ns: int, plan: Plan) -> bool:
    if len(latencies) >= MAX_RUNS or (latencies and elapsed_ns >= plan.max_time_ns):
        return True
    if len(latencies) < plan.runs or elapsed_ns < plan.min_time_ns:
        return False
    return spread(latencies) <= SPREAD_LIMIT
