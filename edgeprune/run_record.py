"""`RunRecord`: what one run of one model on one device gave, raw values kept.

Light on purpose (standard library only, Python 3.9 syntax): the agent fills it in on the device.
A figure that was not measured is None or absent, never 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Optional

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.run_parts import (
    AcceleratedRun,
    ConcurrentRun,
    DeviceFacts,
    EnergyUse,
    InputShape,
    Latency,
    Memory,
    ModelFile,
    OperatorTime,
    Predictions,
    RunSettings,
    Runtime,
    SustainedWindow,
    percentile,
    summarize,
)

RECORD_SCHEMA_VERSION = 1
_LONGEST_NS = 366 * 24 * 3600 * 10**9
_MOST_BYTES = 1 << 50
_MOST_CORES = 1 << 16
_LONGEST_TEXT = 2000
_MOST_OPERATORS = 100_000
_MOST_WINDOWS = 10_000
_HOTTEST_C = 1000.0
_STATES = ("full", "partial", "other outputs", "unavailable")


@dataclasses.dataclass(frozen=True, repr=False)
class RunRecord:
    """One run."""

    device: str  # as the user named it, such as ssh://pi@raspberrypi.local
    model: ModelFile
    settings: RunSettings
    runtime: Runtime
    latency: Latency
    latency_ns: tuple[int, ...]  # every timed inference, in order
    warmup_ns: tuple[int, ...]  # every one before, the first inference left out
    load_ns: int  # opening the model and planning its memory
    first_inference_ns: int
    throughput_per_s: float  # inferences, preprocessing left out
    memory: Memory
    facts: DeviceFacts
    unstable: tuple[str, ...] = ()  # reasons to doubt the timings
    preprocess_ns: tuple[int, ...] = ()  # one sample from raw to input tensor, for some samples
    # (preprocessing + inference) / time between two windows of a stream; below 1 keeps up.
    real_time_factor: Optional[float] = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    samples: int = 0  # evaluated, over which the metrics are
    synthetic: bool = False  # a program made them, so that the metrics say nothing about the real world
    predictions: tuple[Predictions, ...] = ()
    inputs: tuple[InputShape, ...] = ()  # as they ran; empty where the runner does not tell
    signature: Optional[str] = None  # the file's name for its inputs and outputs
    profile: tuple[OperatorTime, ...] = ()  # in the order in which they run; empty where none was asked for
    sustained: tuple[SustainedWindow, ...] = ()
    concurrent: Optional[ConcurrentRun] = None
    accelerated: Optional[AcceleratedRun] = None
    energy: Optional[EnergyUse] = None
    cpus: tuple[int, ...] = ()  # that the run was kept to; empty for all
    schema_version: int = RECORD_SCHEMA_VERSION

    @property
    def settled_per_s(self) -> tuple[float, float]:
        """Inferences per second in the first and in the last fifth of the long run, which there must be."""
        rates = [one.per_s for one in self.sustained]
        fifth = max(len(rates) // 5, 1)
        return percentile(rates[:fifth], 0.5), percentile(rates[-fifth:], 0.5)

    @property
    def batch(self) -> int:
        """Samples of one inference."""
        return next((one.shape[0] for one in self.inputs if one.shape), 1)

    def __repr__(self) -> str:
        return f"<RunRecord of {self.model.name} on {self.device}: {', '.join(self._figures())}>"

    def _figures(self) -> Iterator[str]:
        """The main ones, for people; a metric with a part's name is left out."""
        from edgeprune.quantities import show_duration  # not on devices

        yield f"p50 {show_duration(self.latency.p50_ms)}"
        if self.latency.p90_ms is not None:
            yield f"p90 {show_duration(self.latency.p90_ms)}"
        if self.memory.peak_bytes is not None:
            yield f"peak {self.memory.peak_bytes / 1e6:.1f} MB"
        yield from (f"{name} {value:.4g}" for name, value in self.metrics.items() if "/" not in name)
        if self.unstable:
            yield "unstable"

    def _repr_html_(self) -> str:
        from edgeprune.html_table import html_table  # not on devices

        runtime = f"{self.runtime.name} {self.runtime.version}"
        rows = [
            *(tuple(figure.split(" ", 1)) for figure in self._figures() if " " in figure),
            ("threads", str(self.settings.threads)), ("runtime", runtime),
            ("device", f"{self.facts.model}, {self.facts.arch}"),
            *(("unstable", reason) for reason in self.unstable),
        ]
        return html_table(f"{self.model.name} on {self.device}", (), rows)

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "The run record") -> RunRecord:
        """Read one record; `InputError` if it is none, or cannot be right."""
        record = jsonable.loads(cls, text, where)
        problem = next(record.problems(), None)
        if problem is not None:
            raise InputError(f"{where} cannot be right: {problem}.", "", "Measure again.")
        return record

    def problems(self) -> Iterator[str]:
        """What in the record contradicts itself, or cannot be."""
        timed = (*self.latency_ns, *self.warmup_ns, *self.preprocess_ns, *(one.ns for one in self.profile))
        if not all(0 <= one <= _LONGEST_NS for one in (*timed, self.load_ns, self.first_inference_ns)):
            yield "a time is negative or longer than a year"
        found = self.latency
        rising = [one for one in (found.p50_ms, found.p90_ms, found.p99_ms) if one is not None]
        if not all(math.isfinite(one) and one > 0 for one in rising) or rising != sorted(rising):
            yield f"latencies {rising} ms do not rise from p50 to p99 above 0"
        elif self.latency_ns and not _alike(found, summarize(self.latency_ns)):
            yield "its latencies are not those of its single runs"
        yield from self._problems_of_numbers()
        if any(size < 1 for one in self.inputs for size in one.shape):
            yield f"its inputs have the shapes {[one.shape for one in self.inputs]}"
        longest = max(map(len, self._texts()), default=0)
        if longest > _LONGEST_TEXT:
            yield f"a text has {longest} characters"

    def _problems_of_numbers(self) -> Iterator[str]:
        memory = [one for one in dataclasses.astuple(self.memory) if one is not None]
        in_range = all(0 <= one < _MOST_BYTES for one in (*memory, self.model.bytes))
        if not in_range or self.memory.peak_bytes == 0:
            yield f"its memory figures are {memory}"
        rest = (found for found in (
            self.throughput_per_s, self.real_time_factor, self.latency.mean_ms, self.latency.std_ms,
        ) if found is not None)
        if not all(math.isfinite(one) and one >= 0 for one in rest):
            yield "a mean, a deviation or a rate is negative or no number"
        if not all(map(math.isfinite, self.metrics.values())):
            yield "a metric is not a finite number"
        yield from self._problems_of_long_runs()
        yield from self._problems_of_accelerated()
        yield from self._problems_of_energy()
        if len(self.profile) > _MOST_OPERATORS:
            yield f"it has the times of {len(self.profile)} operators"
        if self.samples < 0 or not 0 < self.facts.cores <= _MOST_CORES:
            yield f"it has {self.samples} samples and {self.facts.cores} cores"

    def _problems_of_accelerated(self) -> Iterator[str]:
        one = self.accelerated
        if one is None:
            return
        found = [] if one.latency is None else [one.latency.p50_ms, one.latency.mean_ms]
        if not all(math.isfinite(value) and value > 0 for value in found):
            yield "a latency of its accelerator is not above 0, or no number"
        if not all(0 <= difference.largest <= 1 for difference in one.differences):
            yield "a difference of outputs is no part from 0 to 1"
        if one.state not in _STATES or (one.state == "unavailable") != (one.latency is None):
            yield f"its accelerator is {one.state[:40]!r}"

    def _problems_of_energy(self) -> Iterator[str]:
        one = self.energy
        if one is None:
            return
        found = (one.interval_s, one.rest_w, one.work_w, one.per_inference_mj)
        values = [value for value in found if value is not None]
        real = all(math.isfinite(value) and value >= 0 for value in values)
        if not real or min(one.inferences, one.reads) < 0:
            yield "its energy or power is negative, or no number"
        if one.per_inference_mj is None:
            return
        if one.rest_w is None or one.work_w is None or one.work_w <= one.rest_w or not one.per_inference_mj:
            yield "its energy does not follow from its power at work and at rest"

    def _problems_of_long_runs(self) -> Iterator[str]:
        ends = [one.end_s for one in self.sustained]
        rates = [one.per_s for one in self.sustained]
        if self.concurrent is not None:
            one = self.concurrent
            rates += [one.per_s, one.p50_ms, one.p99_ms]
            if not 0 < one.workers <= _MOST_CORES or one.p50_ms > one.p99_ms:
                yield f"{one.workers} interpreters ran at the same time"
        if not all(math.isfinite(one) and one > 0 for one in (*ends, *rates)) or ends != sorted(ends):
            yield "a rate or a time of its long run is not above 0, or no number"
        if len(ends) > _MOST_WINDOWS or not all(0 <= number < _MOST_CORES for number in self.cpus):
            yield f"it has {len(ends)} windows and ran on the cores {list(self.cpus)[:8]}"
        states = [one.state for one in self.sustained]
        heat = [one.temperature_c for one in states if one.temperature_c is not None]
        clocks = [one.clock_khz for one in states if one.clock_khz is not None]
        real = all(math.isfinite(one) and abs(one) < _HOTTEST_C for one in heat)
        if not real or min(clocks, default=0) < 0:
            yield "a temperature or a clock is not one of a real device"

    def _texts(self) -> Iterator[str]:
        facts, runtime = self.facts, self.runtime
        yield from (*facts.features, *self.unstable, *self.metrics)
        yield from (facts.model, facts.soc, facts.arch, facts.os)
        yield from (self.device, self.model.name, self.model.sha256, runtime.name, runtime.version)
        yield from (runtime.python or "", runtime.numpy or "", facts.governor or "")
        yield from (self.signature or "", *(one.name for one in self.inputs))
        if self.energy is not None:
            yield from (self.energy.method, self.energy.reason, *self.energy.rails)
        if self.accelerated is not None:
            one = self.accelerated
            yield from (one.accelerator, one.reason, one.precision)
            yield from (each.output for each in one.differences)
        yield from (text for one in self.profile for text in (one.operator, one.tensor))

    def to_json(self, indent: int | None = None) -> str:
        """Write one record."""
        return jsonable.dumps(self, indent)


def _alike(one: Latency, other: Latency) -> bool:
    """Whether two summaries agree; a figure that one has and the other has not does not."""
    pairs = zip(dataclasses.astuple(one), dataclasses.astuple(other))  # noqa: B905  (Python 3.10's)
    return all(
        mine == theirs or (
            mine is not None and theirs is not None and math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-6)
        )
        for mine, theirs in pairs
    )
