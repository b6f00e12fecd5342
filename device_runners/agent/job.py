"""What the host asks of the agent, and the marks by which it finds the agent's messages on stderr."""

from __future__ import annotations

import dataclasses
from typing import Optional

from edgeprune.run_record import RunSettings

ERROR_MARK = "edgeprune-error: "
STEP_MARK = "edgeprune-step: "


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a `bundle` folder or of the bare `.tflite` file `model`, which gives a `RunRecord`.

    At most `eval_samples` are evaluated, all of them for None; timing goes on for at least `min_time_s`.
    """

    device: str
    settings: RunSettings
    bundle: Optional[str] = None
    model: Optional[str] = None
    eval_samples: Optional[int] = None
    min_time_s: float = 1.0


@dataclasses.dataclass(frozen=True)
class InterleavedJob:
    """A/B timing of some models against one reference, which gives `InterleavedTimes`.

    Attributes:
        reference, models: paths of `.tflite` files, loaded in this order.
        time_s: for all rounds together, at most.
        precision: standard error of a log ratio that is good enough; 0 uses all of the time.
        block_ms: how long one block of runs takes: long against the clock's own cost, short against
            changes of the machine.
        quantile: of a block's latencies, which stands for the block. Below the median it leaves out
            interrupted runs, which are only ever longer.
    """

    settings: RunSettings
    reference: str
    models: tuple[str, ...]
    time_s: float
    precision: float = 0.0
    block_ms: float = 5.0
    quantile: float = 0.25


@dataclasses.dataclass(frozen=True)
class InterleavedTimes:
    """Latency of each block of the reference and of each model, and what follows from them.

    Attributes:
        log_ratios: for each model, log(model / reference) of each steady block.
        discarded: blocks beside which the reference changed or was slow.
        runtime: name and version.
    """

    reference_ns: tuple[float, ...]
    model_ns: tuple[tuple[float, ...], ...]
    log_ratios: tuple[tuple[float, ...], ...]
    discarded: int
    runtime: str
