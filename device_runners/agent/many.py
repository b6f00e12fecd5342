"""Many models timed against one reference in one process, so that what disturbs one disturbs both.

    blocks:  R m1 R m2 R m3 R …    R m2 R m3 R m1 R …       each block some runs

Each block of a model gives one log ratio to the mean of the reference blocks beside it. Where those two
differ by more than `UNSTEADY`, the machine changed under way (throttling, another program) and the ratio
is thrown out, as in the end are those taken while the reference was slower than it can be. Models whose
median ratio is precise enough are left out of later rounds, so that the time goes to those that are not.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Callable, Sequence

from device_runners.agent.measure import Plan, warm_up
from device_runners.agent.runtime import find_runtime, open_model
from device_runners.agent.tensors import infos, synthetic
from edgeprune.run_record import RunSettings, percentile

UNSTEADY = 0.10
LEAST_ROUNDS = 6
_BLOCK_NS = 5_000_000
_MOST_ROUNDS = 60


@dataclasses.dataclass(frozen=True)
class ManyJob:
    """What the host asks.

    Attributes:
        reference: path of the `.tflite` file that all are compared with.
        models: paths of the others, in the order in which they are loaded.
        time_s: for all rounds together, at most.
        precision: standard error of a log ratio that is good enough.
    """

    settings: RunSettings
    reference: str
    models: tuple[str, ...]
    time_s: float
    precision: float


@dataclasses.dataclass(frozen=True)
class ManyTimes:
    """What was measured.

    Attributes:
        reference_ns: median latency of each block of the reference.
        log_ratios: for each model, log(model / reference) of each steady block.
        thrown_out: blocks beside which the reference had changed.
        runtime: name and version.
    """

    reference_ns: tuple[float, ...]
    log_ratios: tuple[tuple[float, ...], ...]
    thrown_out: int
    runtime: str


def run_many(job: ManyJob, clock: Callable[[], int]) -> ManyTimes:
    """Load all models, then time them block by block."""
    module, runtime = find_runtime()
    blocks = []
    for path in (job.reference, *job.models):
        interpreter = open_model(module, str(Path(path)), job.settings.threads, job.settings.xnnpack)
        details = interpreter.get_input_details()
        for detail, info in zip(details, infos(details)):
            interpreter.set_tensor(detail["index"], synthetic(info))
        interpreter.invoke()
        plan = Plan(1, job.settings.warmup_runs, 0, 0, warmup_time_ns=20_000_000)
        runs = max(int(_BLOCK_NS / max(percentile(warm_up(interpreter.invoke, clock, plan), 0.5), 1)), 3)
        blocks.append(_block_of(interpreter.invoke, runs, clock))
    version = f"{runtime.name} {runtime.version}"
    return time_against(blocks[0], blocks[1:], clock, int(job.time_s * 1e9), job.precision, version)


def time_against(
    reference: Callable[[], float],
    models: Sequence[Callable[[], float]],
    clock: Callable[[], int],
    time_ns: int,
    precision: float,
    runtime: str = "",
) -> ManyTimes:
    """Rounds until every model is precise or the time is up.

    Args:
        reference: times one block of the reference, in ns.
        models: the same for each of the others.
        clock: in ns.
        time_ns: for all rounds; the first two are made in any case.
        precision: standard error of a log ratio that is good enough.
        runtime: passed on.
    """
    ratios: list[list[float]] = [[] for _ in models]
    beside: list[list[float]] = [[] for _ in models]
    seen: list[float] = []
    thrown_out = 0
    begin = clock()
    for number in range(_MOST_ROUNDS):
        open_ones = [which for which, found in enumerate(ratios) if error_of(found) > precision]
        if not open_ones or (number >= 2 and clock() - begin >= time_ns):
            break
        start = number % len(open_ones)
        before = reference()
        seen.append(before)
        for which in (*open_ones[start:], *open_ones[:start]):
            block = models[which]()
            after = reference()
            seen.append(after)
            if abs(math.log(after / before)) <= UNSTEADY:
                ratios[which].append(math.log(block) - (math.log(before) + math.log(after)) / 2)
                beside[which].append((before + after) / 2)
            else:
                thrown_out += 1
            before = after
    calm = [_calm(found, blocks, seen) for found, blocks in zip(ratios, beside)]
    thrown_out += sum(map(len, ratios)) - sum(map(len, calm))
    return ManyTimes(tuple(seen), tuple(map(tuple, calm)), thrown_out, runtime)


def _calm(ratios: Sequence[float], beside: Sequence[float], seen: Sequence[float]) -> Sequence[float]:
    """Without those taken while the reference was slower than it can be, where enough are left."""
    limit = percentile(seen, 0.1) * (1 + UNSTEADY)
    kept = [ratio for ratio, block in zip(ratios, beside) if block <= limit]
    return kept if len(kept) >= LEAST_ROUNDS else ratios


def error_of(values: Sequence[float]) -> float:
    """Standard error of the median of some log ratios, from their interquartile range."""
    if len(values) < LEAST_ROUNDS:
        return math.inf
    width = percentile(values, 0.75) - percentile(values, 0.25)
    return 1.2533 * width / 1.349 / math.sqrt(len(values))


def _block_of(invoke: Callable[[], object], runs: int, clock: Callable[[], int]) -> Callable[[], float]:
    def block() -> float:
        latencies = []
        for _ in range(runs):
            started = clock()
            invoke()
            latencies.append(clock() - started)
        # Below the median: what interrupts a run only ever makes it longer.
        return percentile(latencies, 0.25)

    return block
