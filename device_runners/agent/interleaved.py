"""Interleaved A/B timing: models against one reference in one process, so that both are disturbed alike.

    blocks:  R m1 R m2 R m3 R    m2 R m3 R m1 R …       each block some runs

Each block of a model gives one log ratio to the mean of the reference blocks beside it. Where those two
differ by more than `UNSTEADY`, the machine changed meanwhile (throttling, another program) and the ratio
is discarded. So are, at the end, the ratios taken while the reference was slower than it can be. Models
whose median ratio is precise enough are left out of later rounds, which leaves the time to the others.
"""

from __future__ import annotations

import math
from typing import Callable, Sequence

from device_runners.agent.input_shapes import set_input_shapes
from device_runners.agent.job import InterleavedJob, InterleavedTimes
from device_runners.agent.measure import Plan, warm_up
from device_runners.agent.runtime import Interpreter, find_runtime, open_model
from device_runners.agent.tensors import set_synthetic_inputs
from edgeprune.run_parts import percentile

UNSTEADY = 0.10
MIN_BLOCKS = 6
_MAX_ROUNDS = 60  # towards a precision that some models never reach
_WARMUP_NS, _MIN_WARMUP_NS = 200_000_000, 20_000_000  # of all models together, of each

Block = Callable[[], float]  # runs one block and returns its latency in ns


def run_interleaved(job: InterleavedJob, clock: Callable[[], int]) -> InterleavedTimes:
    """Load all models, then time them block by block."""
    module, runtime = find_runtime()
    paths = (job.reference, *job.models)
    plan = Plan(1, job.settings.warmup_runs, 0, 0, max(_WARMUP_NS // len(paths), _MIN_WARMUP_NS))
    least_runs = 1 if job.quantile >= 0.5 else 3  # a lower quantile of one run would say nothing
    blocks = []
    for path in paths:
        interpreter = open_model(module, path, job.settings.threads, job.settings.xnnpack, _fixed)
        set_synthetic_inputs(interpreter)
        interpreter.invoke()
        typical_ns = max(percentile(warm_up(interpreter.invoke, clock, plan), 0.5), 1)
        runs = max(int(job.block_ms * 1e6 / typical_ns), least_runs)
        blocks.append(block_of(interpreter.invoke, runs, clock, job.quantile))
    name = f"{runtime.name} {runtime.version}"
    return time_against(blocks[0], blocks[1:], clock, int(job.time_s * 1e9), job.precision, name)


def _fixed(interpreter: Interpreter) -> None:
    set_input_shapes(interpreter, ())


def block_of(invoke: Callable[[], object], runs: int, clock: Callable[[], int], quantile: float) -> Block:
    """A block of `runs` runs, whose latency is that quantile of theirs."""

    def block() -> float:
        latencies = []
        for _ in range(runs):
            started = clock()
            invoke()
            latencies.append(clock() - started)
        return percentile(latencies, quantile)

    return block


def time_against(
    reference: Block, models: Sequence[Block], clock: Callable[[], int], time_ns: int, precision: float,
    runtime: str = "",
) -> InterleavedTimes:
    """Rounds until every model is precise or the time is up, two in any case; see `InterleavedJob`."""
    ratios: list[list[float]] = [[] for _ in models]
    beside: list[list[float]] = [[] for _ in models]
    model_ns: list[list[float]] = [[] for _ in models]
    begin = clock()
    reference_ns = [reference()]
    number = discarded = 0
    while number < 2 or (clock() - begin < time_ns and (precision == 0 or number < _MAX_ROUNDS)):
        imprecise = [i for i, values in enumerate(ratios) if precision == 0 or error_of(values) > precision]
        if not imprecise:
            break
        start = number % len(imprecise)
        for index in (*imprecise[start:], *imprecise[:start]):
            before, block = reference_ns[-1], models[index]()
            after = reference()
            reference_ns.append(after)
            model_ns[index].append(block)
            if abs(math.log(after / before)) <= UNSTEADY:
                ratios[index].append(math.log(block) - (math.log(before) + math.log(after)) / 2)
                beside[index].append((before + after) / 2)
            else:
                discarded += 1
        number += 1
    calm = [_calm(values, blocks, reference_ns) for values, blocks in zip(ratios, beside)]
    discarded += sum(map(len, ratios)) - sum(map(len, calm))
    return InterleavedTimes(
        tuple(reference_ns), tuple(map(tuple, model_ns)), tuple(map(tuple, calm)), discarded, runtime
    )


def _calm(ratios: Sequence[float], beside: Sequence[float], reference_ns: Sequence[float]) -> Sequence[float]:
    """Without those taken while the reference was slower than it can be, where enough are left."""
    limit = percentile(reference_ns, 0.1) * (1 + UNSTEADY)
    calm = [ratio for ratio, block in zip(ratios, beside) if block <= limit]
    return calm if len(calm) >= MIN_BLOCKS else ratios


def error_of(values: Sequence[float]) -> float:
    """Standard error of the median of some log ratios, from their interquartile range."""
    if len(values) < MIN_BLOCKS:
        return math.inf
    width = percentile(values, 0.75) - percentile(values, 0.25)
    return 1.2533 * width / 1.349 / math.sqrt(len(values))
