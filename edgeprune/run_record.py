"""`RunRecord`: what one run of one model on one device gave, raw values kept.

Light on purpose (standard library only, Python 3.9 syntax): the agent fills it in on the device.
A figure that was not measured is None or absent, never 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Optional

from edgeprune import jsonable

RECORD_SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """The `.tflite` file that ran."""

    name: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What was asked for.

    Attributes:
        runner: ``python``, ``native`` or ``benchmark_model``.
        runs: timed inferences at least; more are taken while they spread too widely.
        warmup_runs: inferences before the first timed one, at least.
        time_limit_s: for the whole run on the device.
    """

    runner: str
    threads: int
    xnnpack: bool
    runs: int
    warmup_runs: int
    time_limit_s: float


@dataclasses.dataclass(frozen=True)
class Runtime:
    """The TFLite runtime, and what it ran in where that is Python."""

    name: str
    version: str
    python: Optional[str] = None
    numpy: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Latency:
    """Summary of `RunRecord.latency_ns`, in milliseconds; the runner `benchmark_model` gives no raw values.

    Attributes:
        spread: (p75 - p25) / p50, a robust relative width.
    """

    p50_ms: float
    mean_ms: float
    std_ms: float
    p90_ms: Optional[float] = None
    p99_ms: Optional[float] = None
    spread: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Memory:
    """Memory of the process that ran the model, before any evaluation sample was loaded.

    Attributes:
        peak_bytes: VmHWM, everything included.
        steady_bytes: RSS after the first inference.
        pss_bytes: PSS then.
        start_bytes: RSS of Python, numpy and the agent before the runtime was loaded.
        runtime_bytes: what loading the runtime added.
        model_bytes: what the interpreter, the model and its first inference added.
    """

    peak_bytes: Optional[int] = None
    steady_bytes: Optional[int] = None
    pss_bytes: Optional[int] = None
    start_bytes: Optional[int] = None
    runtime_bytes: Optional[int] = None
    model_bytes: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class DeviceState:
    """What changes while a device works.

    Attributes:
        throttled: the Raspberry Pi firmware's bits; 0 is none.
        load: runnable processes, averaged over one minute.
    """

    clock_khz: Optional[int] = None
    temperature_c: Optional[float] = None
    throttled: Optional[int] = None
    load: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class DeviceFacts:
    """What a device is, and its state right before and right after the timed runs."""

    model: str
    soc: str
    arch: str
    cores: int
    features: tuple[str, ...]
    os: str
    governor: Optional[str]
    before: DeviceState
    after: DeviceState


@dataclasses.dataclass(frozen=True)
class Predictions:
    """One raw output tensor over all evaluation samples.

    Attributes:
        shape: (N, …).
        sha256: of the bytes in C order.
        data: those bytes in base64; empty when they are more than a few MB.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    data: str


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One run.

    Attributes:
        device: as the user named it, such as ``ssh://pi@raspberrypi.local``.
        latency_ns: every timed inference, in order.
        warmup_ns: every one before, the first inference left out.
        load_ns: opening the model and planning its memory.
        preprocess_ns: one sample from raw to input tensor, for some samples.
        throughput_per_s: inferences per second, preprocessing left out.
        real_time_factor: (preprocessing + inference) / time between two windows of a stream; below 1
            keeps up.
        metrics: over the evaluation samples.
        samples: how many of them were evaluated.
        synthetic: whether a program made them, so that the metrics say nothing about the real world.
        unstable: reasons to doubt the timings; empty when there are none.
    """

    device: str
    model: ModelFile
    settings: RunSettings
    runtime: Runtime
    latency: Latency
    latency_ns: tuple[int, ...]
    warmup_ns: tuple[int, ...]
    load_ns: int
    first_inference_ns: int
    throughput_per_s: float
    memory: Memory
    facts: DeviceFacts
    unstable: tuple[str, ...] = ()
    preprocess_ns: tuple[int, ...] = ()
    real_time_factor: Optional[float] = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    samples: int = 0
    synthetic: bool = False
    predictions: tuple[Predictions, ...] = ()
    schema_version: int = RECORD_SCHEMA_VERSION

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "The run record") -> RunRecord:
        """Read one record; `InputError` if it is none."""
        return jsonable.loads(cls, text, where)

    def to_json(self, indent: int | None = None) -> str:
        """Write one record."""
        return jsonable.dumps(self, indent)


def percentile(values: Sequence[float], fraction: float) -> float:
    """Percentile by linear interpolation, as `numpy.percentile`; `values` need not be sorted."""
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def spread(values: Sequence[float]) -> float:
    """(p75 - p25) / p50."""
    return (percentile(values, 0.75) - percentile(values, 0.25)) / max(percentile(values, 0.5), 1e-12)


def summarize(latency_ns: Sequence[int]) -> Latency:
    """Summary of raw latencies (at least one)."""
    milliseconds = [value / 1e6 for value in latency_ns]
    mean = math.fsum(milliseconds) / len(milliseconds)
    return Latency(
        p50_ms=percentile(milliseconds, 0.5),
        p90_ms=percentile(milliseconds, 0.9),
        p99_ms=percentile(milliseconds, 0.99),
        mean_ms=mean,
        std_ms=math.sqrt(math.fsum((value - mean) ** 2 for value in milliseconds) / len(milliseconds)),
        spread=spread(milliseconds),
    )
