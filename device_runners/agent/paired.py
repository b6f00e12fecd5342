"""Two models timed in turn in one process, so that what disturbs one disturbs the other.

The order alternates from block to block:

    blocks:  A B  B A  A B  B A …     each letter some runs
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Callable, Optional, Sequence

from device_runners.agent.measure import Plan, warm_up
from device_runners.agent.runtime import find_runtime, open_model
from device_runners.agent.tensors import infos, synthetic
from edgeprune.run_record import RunSettings, percentile

_BLOCK_NS = 10_000_000  # long against the clock's own cost, short against changes of the machine


@dataclasses.dataclass(frozen=True)
class PairedJob:
    """What the host asks.

    Attributes:
        models: paths of two `.tflite` files, in the order in which they are loaded.
        time_s: for all blocks together.
    """

    settings: RunSettings
    models: tuple[str, ...]
    time_s: float


@dataclasses.dataclass(frozen=True)
class PairedTimes:
    """Median latency in ns per block, one list per model, in the job's order."""

    first_ns: tuple[float, ...]
    second_ns: tuple[float, ...]
    runtime: Optional[str] = None


def run_paired(job: PairedJob, clock: Callable[[], int]) -> PairedTimes:
    """Load both models, then time them block by block."""
    module, runtime = find_runtime()
    invokes = []
    for path in job.models:
        interpreter = open_model(module, str(Path(path)), job.settings.threads, job.settings.xnnpack)
        details = interpreter.get_input_details()
        for detail, info in zip(details, infos(details)):
            interpreter.set_tensor(detail["index"], synthetic(info))
        interpreter.invoke()
        invokes.append(interpreter.invoke)
    plan = Plan(1, job.settings.warmup_runs, 0, 0, warmup_time_ns=100_000_000)
    runs = [_runs_per_block(warm_up(invoke, clock, plan)) for invoke in invokes]
    times = time_in_turn(invokes, runs, clock, int(job.time_s * 1e9))
    return PairedTimes(tuple(times[0]), tuple(times[1]), f"{runtime.name} {runtime.version}")


def time_in_turn(
    invokes: Sequence[Callable[[], object]], runs: Sequence[int], clock: Callable[[], int], time_ns: int
) -> list[list[float]]:
    """Median latency of each block, one list per model; as many blocks as fit, at least two."""
    times: list[list[float]] = [[], []]
    begin = clock()
    while len(times[0]) < 2 or clock() - begin < time_ns:
        order = (0, 1) if len(times[0]) % 2 == 0 else (1, 0)
        for which in order:
            times[which].append(_block(invokes[which], runs[which], clock))
    return times


def _runs_per_block(warmup_ns: Sequence[int]) -> int:
    return max(int(_BLOCK_NS / max(percentile(warmup_ns, 0.5), 1)), 1)


def _block(invoke: Callable[[], object], runs: int, clock: Callable[[], int]) -> float:
    latencies = []
    for _ in range(runs):
        started = clock()
        invoke()
        latencies.append(clock() - started)
    return percentile(latencies, 0.5)
