"""Is what a device sent possible at all, and is it about the run that was asked for?

A device may be broken, set up wrongly or hostile; no limit must hold because of a figure that cannot be.
`edgeprune.run_record` checks a record against itself; here it is compared with what only this side knows.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator

import numpy as np

from device_runners.agent.job import InterleavedJob, InterleavedTimes
from device_runners.execution import DOUBT
from device_runners.options import BenchOptions, Target
from edgeprune.bundle.read import sha256_of
from edgeprune.errors import DeviceError, shown
from edgeprune.run_record import RunRecord
from edgeprune.tasks.figure_names import impossible_figures

_CLOCKS_DIFFER = 1.05  # a device's clock may be fast, not by more than this
_SUMS_DIFFER = 0.1
_LAST_RUN_S = 60.0  # a long run ends with the inference that is under way
_LONGEST_RUNTIME = 200  # characters
_LARGEST_LOG_RATIO = 40.0


def check_record(
    record: RunRecord, device: str, target: Target, options: BenchOptions, wall_ns: int
) -> RunRecord:
    """The record itself, once nothing speaks against it; `wall_ns` is how long the run took, seen from here.

    Raises:
        DeviceError: something does.
    """
    problem = next(_problems(record, device, target, options, wall_ns), None)
    if problem is not None:
        raise DeviceError(
            f"What {device} sent cannot be right: {problem}.", "A record of this run was expected.", DOUBT
        )
    return record


def _problems(
    record: RunRecord, device: str, target: Target, options: BenchOptions, wall_ns: int
) -> Iterator[str]:
    yield from record.problems()
    if record.device != device:
        yield f"it is the record of {record.device[:100]!r}"
    if (record.model.sha256, record.model.bytes) != (sha256_of(target.model), target.model.stat().st_size):
        yield f"it is about another model (SHA-256 {record.model.sha256[:16]}…)"
    if record.settings != options.settings():
        yield f"it was measured with other settings ({record.settings})"
    timed_ns = record.latency_ns or (record.latency.p50_ms * 1e6,)
    spent_ns = sum(timed_ns) + sum(record.warmup_ns) + record.load_ns + record.first_inference_ns
    if spent_ns > wall_ns * _CLOCKS_DIFFER:
        yield f"its runs add up to {spent_ns / 1e9:.3g} s, but all of it took {wall_ns / 1e9:.3g} s"
    if record.samples > _most_samples(target, options):
        yield f"it evaluated {record.samples} samples, more than were asked for"
    for one in options.shapes if record.inputs else ():
        if one.shape not in [given.shape for given in record.inputs]:
            yield f"it ran with inputs of {[given.shape for given in record.inputs]}, not {one.shape}"
    yield from _problems_of_extras(record, options)
    yield from _metric_problems(record, target)
    yield from _prediction_problems(record, target)


def _problems_of_extras(record: RunRecord, options: BenchOptions) -> Iterator[str]:
    """Figures that nobody asked for, or not those that were."""
    if record.profile and not options.profile:
        yield "it has times of operators, which nobody asked for"
    times_ns = sum(one.ns for one in record.profile)
    if record.profile and abs(times_ns / 1e6 / record.latency.p50_ms - 1) > _SUMS_DIFFER:
        yield "the times of its operators do not add up to its latency"
    workers = 1 if record.concurrent is None else record.concurrent.workers
    if workers != options.concurrent:
        yield f"it ran {workers} at the same time, not {options.concurrent}"
    lasted_s = record.sustained[-1].end_s if record.sustained else 0.0
    longest_s = options.sustained_s * _CLOCKS_DIFFER + _LAST_RUN_S
    if not options.sustained_s <= lasted_s <= (longest_s if options.sustained_s else 0.0):
        yield f"its long run took {lasted_s:.3g} s, not {options.sustained_s:.3g} s"
    if (record.energy is not None) != options.energy:
        yield "it has a figure of energy, which nobody asked for, or lacks it"
    ran_on = None if record.accelerated is None else record.accelerated.accelerator
    if ran_on != options.accelerator:
        yield f"it ran on the accelerator {ran_on or 'none'}"
    if bool(record.cpus) != bool(options.cpus):
        yield f"it ran on the cores {list(record.cpus)[:8]}"


def _most_samples(target: Target, options: BenchOptions) -> float:
    if target.bundle is None:
        return 0
    return float("inf") if options.eval_samples is None else options.eval_samples


def _metric_problems(record: RunRecord, target: Target) -> Iterator[str]:
    if record.metrics and not record.samples:
        yield "it has metrics over no samples"
    named = target.bundle.manifest.metrics if target.bundle else ()
    yield from impossible_figures(record.metrics, named)


def _prediction_problems(record: RunRecord, target: Target) -> Iterator[str]:
    """Outputs that are not of this model and these samples, or not the bytes that they are said to be."""
    outputs = target.bundle.manifest.outputs if target.bundle else ()
    if record.predictions and len(record.predictions) != len(outputs):
        yield f"it holds predictions of {len(record.predictions)} outputs, the model has {len(outputs)}"
    for one, output in zip(record.predictions, outputs, strict=False):
        name = shown(one.name)[:60]
        if one.dtype != output.dtype or one.shape[:1] != (record.samples,) or min(one.shape) < 1:
            yield f"the predictions of {name!r} are {one.dtype[:20]} {str(one.shape)[:60]}"
            continue
        try:
            content = base64.b64decode(one.data, validate=True)
        except ValueError:
            yield f"the predictions of {name!r} are no base64"
            continue
        size = math.prod(one.shape) * np.dtype(output.dtype).itemsize
        if content and (len(content) != size or hashlib.sha256(content).hexdigest() != one.sha256):
            yield f"the predictions of {name!r} are not the bytes of their SHA-256 and shape"


def check_times(times: InterleavedTimes, job: InterleavedJob, device: str) -> InterleavedTimes:
    """The times of an interleaved run, once nothing speaks against them; a `DeviceError` otherwise."""
    problem = next(_times_problems(times, job), None)
    if problem is not None:
        raise DeviceError(f"What {device} sent cannot be right: {problem}.", "", DOUBT)
    return times


def _times_problems(times: InterleavedTimes, job: InterleavedJob) -> Iterator[str]:
    models = len(job.models)
    if len(times.model_ns) != models or len(times.log_ratios) != models:
        yield f"it holds times of {len(times.model_ns)} models, {models} were timed"
    if not times.reference_ns or not all(times.model_ns):
        yield "a model was not timed at all"
    blocks = (times.reference_ns, *times.model_ns)
    longest_ns = job.settings.time_limit_s * 1e9 * _CLOCKS_DIFFER
    if not all(0 < one <= longest_ns for block in blocks for one in block):
        yield "a run took no time, or longer than the limit"
    if not all(abs(ratio) < _LARGEST_LOG_RATIO for ratios in times.log_ratios for ratio in ratios):
        yield "a model is faster or slower than any can be"
    if times.discarded < 0 or len(times.runtime) > _LONGEST_RUNTIME:
        yield "its count of discarded blocks or its runtime's name"

