"""The latency table of a model on a device, measured once and kept.

It is kept under the user's cache folder by model, device, runtime, threads and quantization (the
converted baseline's own bytes). Every process that was measured is written at once: a device that
goes away loses only the process under way, and the same command goes on from there.
"""

import atexit
import dataclasses
import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from device_runners.options import BenchOptions
from edgeprune import jsonable
from edgeprune.budget.candidates import Candidates, design, design_size
from edgeprune.budget.latency import LatencyTable, MeasuredCandidate, fit_table
from edgeprune.budget.timing import bench_content, time_candidates
from edgeprune.budget.work import work_of
from edgeprune.cache import writable_cache
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_record import RunRecord

_FEW = 6
"""Candidates in which groups differ, where each has to be converted."""


@dataclasses.dataclass(frozen=True)
class ProfileFile:
    """The kept measurements; the baseline's of every process pair."""

    baseline_ms: tuple[float, ...] = ()
    measured: tuple[MeasuredCandidate, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class LatencyProfile:
    """What is known of a model with `full` (G,) channels on a device; no latency where that has no limit."""

    device: str
    options: BenchOptions
    candidates: Candidates
    full: np.ndarray
    table: LatencyTable
    baseline_ms: float | None = None
    measured: tuple[MeasuredCandidate, ...] = ()
    runtime: str = ""
    path: Path = Path()

    def with_more(
        self, plans: Sequence[np.ndarray], progress: Callable[[float], None] = lambda _: None
    ) -> "LatencyProfile":
        """Fits the table again with plans that were not measured yet; errors as of `measured_profile`."""
        kept = _measure_missing(self, plans, progress)
        baseline_ms = float(np.median(kept.baseline_ms))
        table = fit_table(self.table.work, self.full, kept.measured)
        return dataclasses.replace(self, baseline_ms=baseline_ms, measured=kept.measured, table=table)


def unmeasured_profile(candidates: Candidates, device: str, options: BenchOptions) -> LatencyProfile:
    """A profile for budgets without latency: nothing runs."""
    dependencies = candidates.analysis.dependencies
    full = np.array([len(group.channels) for group in dependencies.groups], int)
    return LatencyProfile(device, options, candidates, full, fit_table(work_of(dependencies), full, ()))


def measured_profile(
    candidates: Candidates, device: str, options: BenchOptions, least: np.ndarray, *, seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> LatencyProfile:  # fmt: skip
    """Measures the designed candidates that are not measured yet; groups keep `least` (G,) channels or more.

    Raises:
        DeviceError: the device refused, failed or went away; what was measured is kept.
    """
    short = dataclasses.replace(options, min_time_s=min(options.min_time_s, 0.5))
    record = bench_content(candidates.baseline, device, short)
    progress(0.1)
    empty = dataclasses.replace(
        unmeasured_profile(candidates, device, options),
        runtime=f"{record.runtime.name} {record.runtime.version}",
        path=_profiles() / f"{_key(candidates.baseline, record, options)}.json",
    )
    number = design_size(len(empty.full)) if candidates.cheap else _FEW
    found = empty.with_more(list(design(empty.full, least, number, seed)), progress)
    progress(1.0)
    return found


def _profiles() -> Path:
    """Where profiles are kept; a folder that goes with this process where the cache cannot be written."""
    folder, problem = writable_cache("profiles")
    return _passing_folder() if problem else folder


@functools.cache
def _passing_folder() -> Path:
    passing = tempfile.TemporaryDirectory(prefix="edgeprune-")
    atexit.register(passing.cleanup)
    return Path(passing.name)


def _key(tflite: bytes, record: RunRecord, options: BenchOptions) -> str:
    facts = record.facts
    parts = {
        "model": hashlib.sha256(tflite).hexdigest(),
        "device": [record.device, facts.model, facts.soc, facts.arch],
        "runtime": [record.runtime.name, record.runtime.version],
        "how": [options.runner, options.threads, options.xnnpack],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


def _read(path: Path) -> ProfileFile:
    try:
        return jsonable.loads(ProfileFile, path.read_bytes(), str(path))
    except (OSError, InputError):
        return ProfileFile()  # none yet, or damaged: measured again


def _write(path: Path, kept: ProfileFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("wb", prefix=".", dir=path.parent, delete=False) as stream:
        stream.write(jsonable.dumps(kept).encode())
    Path(stream.name).replace(path)


def _measure_missing(
    profile: LatencyProfile, plans: Sequence[np.ndarray], progress: Callable[[float], None]
) -> ProfileFile:
    kept = _read(profile.path)
    there = {one.counts for one in kept.measured}
    keys = dict.fromkeys(tuple(int(count) for count in plan) for plan in plans)
    wanted = [counts for counts in keys if counts not in there]
    if not wanted:
        return kept
    files = [profile.candidates.file(counts) for counts in wanted]
    progress(0.3)
    done = 0
    timed = time_candidates(profile.candidates.baseline, files, profile.device, profile.options)
    try:
        for numbers, timings in timed:
            found = [
                MeasuredCandidate(wanted[number], timing.ratio, timing.error)
                for number, timing in zip(numbers, timings.candidates, strict=True)
            ]
            kept = ProfileFile((*kept.baseline_ms, timings.baseline_ms), (*kept.measured, *found))
            _write(profile.path, kept)
            done += len(numbers)
            progress(0.3 + 0.7 * done / len(wanted))
    except DeviceError as error:
        way_out = f"{error.way_out} {done} of {len(wanted)} candidates were measured.".strip()
        raise DeviceError(error.found, error.expected, way_out) from error
    return kept
