"""Measures built files against a budget, on its device."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from device_runners.options import BenchOptions
from edgeprune.budget.explain import Round
from edgeprune.budget.resources import ResourceBudget
from edgeprune.budget.timing import bench_content, time_candidates, time_model
from edgeprune.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class BudgetMeasurement:
    """Measures what a file takes of each resource; latency as a ratio to the original's `.tflite`, paired.

    `baseline_ms` is None where latency has no limit.
    """

    device: str
    options: BenchOptions
    baseline: bytes
    baseline_ms: float | None = None

    def measure(
        self, budget: ResourceBudget, tflite: bytes, macs: int, counts: tuple[int, ...] = (),
        predicted: Mapping[str, float] | None = None,
    ) -> Round:  # fmt: skip
        """Measures what the budget limits; kept counts and predictions go into the record."""
        given = budget.given()
        measured: dict[str, float] = {}
        low = high = None
        if "latency_ms" in given:
            measured["latency_ms"], low, high = self.latency(tflite)
        if "macs" in given:
            measured["macs"] = float(macs)
        if "size_bytes" in given:
            measured["size_bytes"] = float(len(tflite))
        if "memory_bytes" in given:
            measured["memory_bytes"] = self.memory(tflite)
        inside = all(measured[name] <= limit for name, limit in given.items())
        inside &= high is None or high <= given["latency_ms"]
        return Round(counts, dict(predicted or {}), measured, low, high, inside)

    def latency(self, tflite: bytes) -> tuple[float, float, float]:
        """In ms, with its interval."""
        best = self.baseline_ms or float("nan")
        if self.options.runner == "python":
            ratio, low, high = time_model(self.baseline, tflite, self.device, self.options, best)
        else:
            [(_, timings)] = time_candidates(self.baseline, [tflite], self.device, self.options)
            timing = timings.candidates[0]
            spread = float(np.exp(2 * timing.error))
            ratio, low, high = timing.ratio, timing.ratio / spread, timing.ratio * spread
        return best * ratio, best * low, best * high

    def memory(self, tflite: bytes) -> float:
        """Peak bytes of the process that runs a file; an `InputError` if the device does not tell."""
        options = dataclasses.replace(self.options, min_time_s=0.1, runs=10)
        record = bench_content(tflite, self.device, options)
        if record.memory.peak_bytes is None:
            raise InputError(
                f"{self.device} does not tell how much memory a process uses.", "",
                "Leave --max-memory out, or measure with the Python runner.",
            )  # fmt: skip
        return float(record.memory.peak_bytes)
