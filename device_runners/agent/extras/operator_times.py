"""Time of each operator, as the delegate runs it.

XNNPACK takes whole stretches of a model as one operator and tells nobody how long its parts take, and the
runtimes' profilers cannot be read from Python. So the model is timed up to each operator:

    time of operator k = time of the first k operators - time of the first k - 1

Each of these runs in turn with the whole model, so that what disturbs the machine disturbs both alike, and
counts as a part of it: the times add up to the median latency. Only those two are in memory. Noise can make a
difference negative; the parts are then the nearest ones that never fall (least squares by pooling adjacent
violators; Barlow et al. 1972). Where XNNPACK computes two operators as one, the second gets the time of both.

A model with more operators than the time allows is cut at every second, third, … one.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Callable, Sequence, cast

import numpy as np

from device_runners.agent.extras.model_prefix import ModelPrefixes
from device_runners.agent.runtime import Interpreter, RuntimeModule, open_model
from edgeprune.errors import InputError
from edgeprune.run_parts import OperatorTime, percentile

_LEAST_TURNS, _MOST_TURNS = 8, 200  # of each model in a pair
_TURN_NS = 500_000  # that one turn takes at least: the clock and Python cost microseconds
_QUANTILE = 0.25  # of the turns: other programs only make them longer
_OPEN_NS = 2_000_000  # what opening one more model costs beside its runs, as a guess

Open = Callable[[bytes], Interpreter]


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator: its kind, and the numbers of the tensors it reads and makes."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class OperatorPlan:
    """The operators of a model, after which of them it is cut, and the tensors' names."""

    operators: tuple[Operator, ...]
    outputs: tuple[int, ...]  # of the model
    tensor_names: tuple[str, ...]

    def live(self, count: int) -> tuple[int, ...]:
        """What the first `count` operators make and others need: no delegate may leave it out."""
        made = dict.fromkeys(number for one in self.operators[:count] for number in one.outputs)
        wanted = {number for one in self.operators[count:] for number in one.inputs} | set(self.outputs)
        return tuple(number for number in made if number in wanted and number >= 0)

    def cuts(self, longest: int) -> list[int]:
        """Numbers of operators to stop after, at most `longest`; the last is all of them."""
        step = max(math.ceil(len(self.operators) / max(longest, 1)), 1)
        ends = list(range(step, len(self.operators), step))
        return [*(end for end in ends if self.live(end)), len(self.operators)]

    def row(self, begin: int, end: int, ns: int) -> OperatorTime:
        """The time of the operators from `begin` to before `end`."""
        last = self.operators[end - 1]
        name = last.name if end - begin == 1 else f"{last.name} and {end - begin - 1} before it"
        made = next((number for number in last.outputs if 0 <= number < len(self.tensor_names)), None)
        return OperatorTime(name, "" if made is None else self.tensor_names[made], ns)


def read_operators(module: RuntimeModule, path: str) -> OperatorPlan:
    """What the runtime knows of the file's operators, before a delegate takes them.

    Raises:
        InputError: a runtime that does not tell.
    """
    interpreter = open_model(module, path, 1, xnnpack=False, allocate=False)
    listed = getattr(interpreter, "_get_ops_details", None)
    named = getattr(interpreter, "get_tensor_details", None)
    if not callable(listed) or not callable(named):
        raise InputError(
            "The runtime does not tell a model's operators.", "--profile needs them.",
            "Install a current ai-edge-litert on the device.",
        )
    operators = tuple(
        Operator(str(one["op_name"]), _numbers(one["inputs"]), _numbers(one["outputs"])) for one in listed()
    )
    names = {int(one["index"]): str(one["name"])[:200] for one in named()}
    largest = max(names, default=-1)
    outputs = tuple(int(one["index"]) for one in interpreter.get_output_details())
    return OperatorPlan(operators, outputs, tuple(names.get(number, "") for number in range(largest + 1)))


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(int(number) for number in np.asarray(cast("Sequence[int]", value)).reshape(-1))


def time_operators(
    plan: OperatorPlan, content: bytes, open_content: Open, clock: Callable[[], int], time_ns: int,
    p50_ns: float,
) -> tuple[OperatorTime, ...]:
    """Time up to each operator in turn, in about `time_ns` altogether.

    Args:
        plan: of this model.
        content: of the file.
        open_content: gives an interpreter with its inputs set.
        clock: in nanoseconds.
        time_ns: for everything.
        p50_ns: what the model takes, for planning.
    """
    prefixes = ModelPrefixes(content)
    if prefixes.operators != len(plan.operators):
        found = f"The runtime has {len(plan.operators)} operators, the file {prefixes.operators}."
        raise InputError(found, "--profile needs each of them.", "Measure without --profile.")
    if not plan.operators:
        return ()
    # The whole model and, on average, half of it.
    per_cut_ns = _OPEN_NS + 1.5 * _LEAST_TURNS * max(p50_ns, _TURN_NS)
    ends = plan.cuts(int(time_ns / per_cut_ns))
    full_model = open_content(content)
    parts = [0.0]
    for end in ends[:-1]:
        part = open_content(prefixes.cut_after(end, plan.live(end)))
        parts.append(_ratio(part.invoke, full_model.invoke, clock, time_ns / len(ends)))
    rising = never_falling([*parts, 1.0])
    bounds, sums = [0, *ends], [round(one * p50_ns) for one in rising]
    return tuple(plan.row(bounds[i], end, sums[i + 1] - sums[i]) for i, end in enumerate(ends))


def _ratio(
    part: Callable[[], object], full_model: Callable[[], object], clock: Callable[[], int], time_ns: float
) -> float:
    """What part of the time of the full model the first one takes, from turns that are not disturbed."""
    pair, counts = (part, full_model), []
    for invoke in pair:
        invoke()
        started = clock()
        invoke()
        counts.append(max(int(_TURN_NS / max(clock() - started, 1)), 1))
    times: list[list[float]] = [[], []]
    begin = clock()
    while len(times[0]) < _LEAST_TURNS or (len(times[0]) < _MOST_TURNS and clock() - begin < time_ns):
        for invoke, count, found in zip(pair, counts, times):
            started = clock()
            for _ in range(count):
                invoke()
            found.append((clock() - started) / count)
    return percentile(times[0], _QUANTILE) / max(percentile(times[1], _QUANTILE), 1.0)


def never_falling(values: Sequence[float]) -> list[float]:
    """The nearest values, by least squares, that never fall, from the first to the last one, which stay."""
    inner: list[tuple[float, int]] = []  # means of blocks, and how many values each has
    for value in values[1:-1]:
        mean, count = min(max(value, values[0]), values[-1]), 1
        while inner and inner[-1][0] > mean:
            other, size = inner.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        inner.append((mean, count))
    return [values[0], *(mean for mean, count in inner for _ in range(count)), values[-1]]
