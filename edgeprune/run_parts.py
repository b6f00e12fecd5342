"""What a run record is made of: what ran, what was asked for, and one class for each kind of measurement.

Light on purpose (standard library only, Python 3.9 syntax): the agent fills them in on the device.
A figure that was not measured is None or absent, never 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Optional


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """The `.tflite` file that ran."""

    name: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What was asked for."""

    runner: str  # python, native or benchmark_model
    threads: int
    xnnpack: bool
    runs: int  # timed inferences at least; more are taken while they spread too widely
    warmup_runs: int  # inferences before the first timed one, at least
    time_limit_s: float  # for the whole run on the device


@dataclasses.dataclass(frozen=True)
class InputShape:
    """The sizes of one input, batch first."""

    name: str
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Runtime:
    """The TFLite runtime, and what it ran in where that is Python."""

    name: str
    version: str
    python: Optional[str] = None
    numpy: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Latency:
    """Summary of `RunRecord.latency_ns`, in milliseconds; `benchmark_model` gives no raw values."""

    p50_ms: float
    mean_ms: float
    std_ms: float
    p90_ms: Optional[float] = None
    p99_ms: Optional[float] = None
    spread: Optional[float] = None  # (p75 - p25) / p50, a robust relative width


@dataclasses.dataclass(frozen=True)
class Memory:
    """Memory of the process that ran the model, before any evaluation sample was loaded.

    What the agent takes is not counted, so it is that of a program which only runs the model.
    """

    peak_bytes: Optional[int] = None  # VmHWM
    steady_bytes: Optional[int] = None  # RSS after the first inference
    pss_bytes: Optional[int] = None  # PSS then
    start_bytes: Optional[int] = None  # RSS of Python and numpy before the runtime was loaded
    runtime_bytes: Optional[int] = None  # what loading the runtime added
    model_bytes: Optional[int] = None  # what the interpreter, the model and its first inference added
    agent_bytes: Optional[int] = None  # what the agent took beside them


@dataclasses.dataclass(frozen=True)
class DeviceState:
    """What changes while a device works."""

    clock_khz: Optional[int] = None
    temperature_c: Optional[float] = None
    throttled: Optional[int] = None  # the Raspberry Pi firmware's bits; 0 is none
    load: Optional[float] = None  # runnable processes, averaged over one minute


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
    """One raw output tensor over all evaluation samples."""

    name: str
    dtype: str
    shape: tuple[int, ...]  # (N, …)
    sha256: str  # of the bytes in C order
    data: str  # those bytes in base64; empty when they are more than a few MB


@dataclasses.dataclass(frozen=True)
class OperatorTime:
    """One operator of the model, or some in a row where there are very many."""

    operator: str  # such as CONV_2D
    tensor: str  # that it makes; converters name tensors after layers
    ns: int


@dataclasses.dataclass(frozen=True)
class SustainedWindow:
    """A part of a long run."""

    end_s: float  # since the long run began
    per_s: float  # inferences
    state: DeviceState  # at its end


@dataclasses.dataclass(frozen=True)
class ConcurrentRun:
    """Several interpreters at the same time."""

    workers: int
    per_s: float  # inferences of all together
    p50_ms: float  # of a single inference
    p99_ms: float


@dataclasses.dataclass(frozen=True)
class EnergyUse:
    """Energy of one inference beyond what the device needs at rest; informative, by one meter."""

    method: str  # none where there is no meter
    rails: tuple[str, ...]  # that the meter adds up
    interval_s: Optional[float] = None  # between two reads
    rest_w: Optional[float] = None
    work_w: Optional[float] = None
    per_inference_mj: Optional[float] = None
    inferences: int = 0
    reads: int = 0
    reason: str = ""  # why there is no figure


@dataclasses.dataclass(frozen=True)
class OutputDifference:
    """How far one output is from the interpreter's on the CPU."""

    output: str
    largest: float  # difference, as a part of the largest value


@dataclasses.dataclass(frozen=True)
class AcceleratedRun:
    """The same model through LiteRT's CompiledModel."""

    accelerator: str  # cpu, gpu or npu
    state: str  # full, partial (some operators ran on the CPU), other outputs, or unavailable
    reason: str  # why not full; empty where it is
    precision: str  # fp16 or fp32
    latency: Optional[Latency] = None
    differences: tuple[OutputDifference, ...] = ()


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
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in milliseconds) / len(milliseconds))
    p50, p90, p99 = (percentile(milliseconds, fraction) for fraction in (0.5, 0.9, 0.99))
    return Latency(p50, mean, std, p90, p99, spread(milliseconds))
