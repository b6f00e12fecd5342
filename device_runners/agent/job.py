"""What the host asks of the agent, and the marks by which it finds the agent's messages on stderr."""

from __future__ import annotations

import dataclasses
import sys
from typing import Optional

from edgeprune.run_parts import InputShape, RunSettings

ERROR_MARK = "edgeprune-error: "
STEP_MARK = "edgeprune-step: "


def progress(step: str) -> None:
    """Name the next step on stderr, so that the host can say during which one the runtime crashed."""
    print(f"{STEP_MARK}{step}", file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of one model, which gives a `RunRecord`."""

    device: str  # the name that the record carries
    settings: RunSettings
    bundle: Optional[str] = None  # folder of a bundle, or None for a bare model
    model: Optional[str] = None  # path of a bare `.tflite` file
    eval_samples: Optional[int] = None  # how many samples to evaluate at most; None for all, 0 for none
    min_time_s: float = 1.0  # timed inferences go on for at least this long
    shapes: tuple[InputShape, ...] = ()  # of inputs whose sizes the file leaves open
    sustained_s: float = 0.0  # of work without a pause, after everything else
    concurrent: int = 1  # interpreters at the same time, after everything else; 1 for none
    cpus: Optional[str] = None  # that it is kept to: big, little, or numbers such as 0,2-3
    accelerator: Optional[str] = None  # cpu, gpu or npu, to run on through CompiledModel too
    energy: bool = False  # of one inference, too
    power_command: tuple[str, ...] = ()  # that prints watts; empty for what the device has
    profile_s: float = 0.0  # for timing single operators, about; 0 for not at all

    @property
    def extras(self) -> bool:
        """Whether more than a plain run is asked for."""
        return bool(
            self.sustained_s or self.concurrent > 1 or self.accelerator or self.energy or self.profile_s
        )


@dataclasses.dataclass(frozen=True)
class InterleavedJob:
    """A/B timing of some models against one reference, which gives `InterleavedTimes`.

    A block of runs is long against the clock's own cost and short against changes of the machine. A quantile
    of its latencies stands for it: below the median it leaves out interrupted runs, which only take longer.
    """

    settings: RunSettings
    reference: str  # path of the `.tflite` file that all are compared with; it is loaded first
    models: tuple[str, ...]  # paths of the others, in the order in which they are loaded
    time_s: float  # for all rounds together, at most
    precision: float = 0.0  # standard error of a log ratio that is good enough; 0 uses all of the time
    block_ms: float = 5.0
    quantile: float = 0.25


@dataclasses.dataclass(frozen=True)
class AcceleratorJob:
    """What the agent asks of a child process, which may crash."""

    model: str  # path
    accelerator: str
    settings: RunSettings
    min_time_s: float
    samples: int  # in the file of inputs
    full_precision: bool = False  # fp32 on a GPU, which takes fp16 by itself


@dataclasses.dataclass(frozen=True)
class AcceleratorAnswer:
    """What came of it: full, partial (with the CPU's help) or unavailable."""

    state: str
    reason: str
    latency_ns: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class JobError:
    """Why there is no result: an `EdgepruneError` of the agent, on stderr after `ERROR_MARK`."""

    kind: str  # its class
    found: str
    expected: str
    way_out: str


@dataclasses.dataclass(frozen=True)
class InterleavedTimes:
    """Latency of each block of the reference and of each model, and what follows from them."""

    reference_ns: tuple[float, ...]
    model_ns: tuple[tuple[float, ...], ...]
    log_ratios: tuple[tuple[float, ...], ...]  # for each model, log(model / reference) of each steady block
    discarded: int  # blocks beside which the reference changed or was slow
    runtime: str  # name and version
