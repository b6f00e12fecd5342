"""What was asked for beside a plain run; it is measured after everything else."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Callable, Optional

from device_runners.agent import tensors
from device_runners.agent.extras.accelerated import run_accelerated
from device_runners.agent.extras.energy import measure_energy
from device_runners.agent.extras.operator_times import read_operators, time_operators
from device_runners.agent.extras.power_meters import find_meter
from device_runners.agent.extras.sustained import run_concurrent, run_sustained
from device_runners.agent.input_shapes import set_input_shapes
from device_runners.agent.job import Job, progress
from device_runners.agent.runtime import Interpreter, RuntimeModule, open_model
from device_runners.agent.samples import EvaluationSamples, set_sample
from edgeprune.run_parts import AcceleratedRun, ConcurrentRun, EnergyUse, OperatorTime, SustainedWindow
from edgeprune.run_record import RunRecord

_COMPARED = 8  # samples whose outputs on an accelerator are compared with the CPU's


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was asked for beside a plain run, of a model that is open already."""

    job: Job
    model: str  # path
    module: RuntimeModule
    interpreter: Interpreter
    given: Optional[EvaluationSamples]

    def measured(self, record: RunRecord, clock: Callable[[], int]) -> RunRecord:
        """The record with all of it."""
        job = self.job
        return dataclasses.replace(
            record,
            profile=self.profile(record.latency.p50_ms * 1e6, clock) if job.profile_s else (),
            concurrent=self.concurrent(clock) if job.concurrent > 1 else None,
            accelerated=self.accelerated() if job.accelerator else None,
            energy=self.energy(clock) if job.energy else None,
            sustained=self.sustained(clock) if job.sustained_s else (),
        )

    def profile(self, p50_ns: float, clock: Callable[[], int]) -> tuple[OperatorTime, ...]:
        """Time of each operator."""
        progress("timing the operators")
        plan, content = read_operators(self.module, self.model), Path(self.model).read_bytes()
        return time_operators(plan, content, self._ready, clock, int(self.job.profile_s * 1e9), p50_ns)

    def concurrent(self, clock: Callable[[], int]) -> ConcurrentRun:
        """Several interpreters at the same time."""
        progress("running several at the same time")
        ready = [self._ready(self.model) for _ in range(self.job.concurrent)]
        for one in ready:
            one.invoke()
        return run_concurrent([one.invoke for one in ready], clock, max(self.job.min_time_s, 0.1))

    def energy(self, clock: Callable[[], int]) -> EnergyUse:
        """Of one inference."""
        progress("measuring power")
        return measure_energy(find_meter(self.job.power_command), self.interpreter.invoke, clock)

    def accelerated(self) -> AcceleratedRun:
        """The same on a GPU or NPU, in a process of its own."""
        progress("trying the accelerator")
        infos = tensors.infos(self.interpreter.get_input_details())
        rows = [[tensors.synthetic_input(one) for one in infos]]
        if self.given is not None:
            count = min(len(self.given.data), _COMPARED)
            rows = [[array[i : i + 1] for array in self.given.inputs] for i in range(count)]
        return run_accelerated(self.job, self.model, self.interpreter, rows)

    def sustained(self, clock: Callable[[], int]) -> tuple[SustainedWindow, ...]:
        """Work without a pause."""
        progress("running without a pause")
        return run_sustained(self.interpreter.invoke, clock, self.job.sustained_s)

    def _ready(self, model: str | bytes) -> Interpreter:
        sizes = functools.partial(set_input_shapes, wanted=self.job.shapes)
        settings = self.job.settings
        interpreter = open_model(self.module, model, settings.threads, settings.xnnpack, sizes)
        if self.given is None:
            tensors.set_synthetic_inputs(interpreter)
        else:
            set_sample(interpreter, self.given.inputs, 0)
        return interpreter
