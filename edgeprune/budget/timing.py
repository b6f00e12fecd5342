"""Measures candidates on a device: many files in one upload, and as few processes as fit its memory.

Each process loads the baseline and some candidates and times them in turn (see
`device_runners.agent.interleaved`).
A second process loads them in the opposite order: where code and data lie differs between processes,
and the second one also shows by how much.
"""

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from device_runners.agent.interleaved import UNSTEADY, error_of
from device_runners.agent.job import InterleavedJob, InterleavedTimes
from device_runners.benchmark import bench
from device_runners.comparison import MIN_ROUNDS, interval
from device_runners.options import BenchOptions
from device_runners.python_runner import agent_zip, run_interleaved
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.errors import DeviceError
from edgeprune.run_record import RunRecord

PRECISION = 0.01
_AT_ONCE_BYTES = 32_000_000
_AT_ONCE = 16
_TIME_S = 8.0
_PROCESSES = 2
_MOST_PROCESSES = 4
_NATIVE_ROUNDS = 3
_ROUND_S = 0.5
_MOST_ROUNDS = 20
_WIDE = 0.04


@dataclasses.dataclass(frozen=True)
class Timing:
    """One candidate: its latency over the baseline's, and the standard error of the logarithm of that."""

    ratio: float
    error: float


@dataclasses.dataclass(frozen=True)
class TimedFiles:
    """The candidates' timings in the order of their files, and the median over the baseline's blocks."""

    baseline_ms: float
    candidates: tuple[Timing, ...]


def time_candidates(
    baseline: bytes, files: Sequence[bytes], device: str, options: BenchOptions
) -> Iterator[tuple[Sequence[int], TimedFiles]]:
    """Times the `.tflite` files of candidates against the baseline's.

    Yields the numbers and timings of the candidates of every process pair, so that they are not lost if the
    device goes away later (a `DeviceError`).
    """
    if options.runner != "python":
        yield range(len(files)), _one_by_one(baseline, files, device, options)
        return
    parts = _parts(baseline, files)
    limit_s = options.time_limit_s * 2 * len(parts)
    with Session(open_transport(device), limit_s, options.lock_wait_s, options.waiting) as session:
        names = {_name(content): content for content in (baseline, *files)}
        session.upload({"agent.zip": agent_zip(), **names})
        for part in parts:
            yield part, _in_turn(session, baseline, [files[number] for number in part], options)


def time_model(
    baseline: bytes, file: bytes, device: str, options: BenchOptions, best_ms: float = float("inf")
) -> tuple[float, float, float]:
    """One model's latency over the baseline's, with its interval, by fresh processes as in `compare`.

    Other programs slow small and large models by different factors. So processes in which the baseline
    itself was slower than `best_ms`, which it is known to reach, do not count. Others are run in their
    place, and more while the interval is wide.
    """
    found: list[tuple[float, float]] = []
    transport, limit_s = open_transport(device), options.time_limit_s * _MOST_ROUNDS
    with Session(transport, limit_s, options.lock_wait_s, options.waiting) as session:
        session.upload({"agent.zip": agent_zip(), _name(baseline): baseline, _name(file): file})
        for _ in range(_MOST_ROUNDS):
            job = InterleavedJob(options.settings(), _name(baseline), (_name(file),), _ROUND_S, PRECISION / 4)
            times = run_interleaved(session, job, options)
            if times.log_ratios[0]:
                middle = float(np.median(times.log_ratios[0]))
                found.append((float(np.median(times.reference_ns)) / 1e6, middle))
            calm = _calm(found, best_ms)
            if len(calm) >= MIN_ROUNDS:
                low, high = interval(calm)
                if high - low <= _WIDE:
                    break
    # A device that is never calm: what was measured tells at least its present state.
    used = calm if len(calm) >= MIN_ROUNDS else np.array([middle for _, middle in found])
    if len(used) < MIN_ROUNDS:
        raise _too_unsteady(device)
    low, high = interval(used)
    return float(np.exp(np.mean(used))), float(np.exp(low)), float(np.exp(high))


def _calm(found: Sequence[tuple[float, float]], best_ms: float) -> np.ndarray:
    """Log ratios of the processes in which the baseline was about as fast as it can be."""
    best = min([best_ms, *(reference for reference, _ in found)])
    return np.array([middle for reference, middle in found if reference <= best * (1 + UNSTEADY)])


def _name(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:16]}.tflite"


def _parts(baseline: bytes, files: Sequence[bytes]) -> list[list[int]]:
    """Numbers of the candidates that share a process."""
    parts: list[list[int]] = [[]]
    size = len(baseline)
    for number, content in enumerate(files):
        if parts[-1] and (size + len(content) > _AT_ONCE_BYTES or len(parts[-1]) >= _AT_ONCE):
            parts.append([])
            size = len(baseline)
        parts[-1].append(number)
        size += len(content)
    return parts


def _in_turn(session: Session, baseline: bytes, files: Sequence[bytes], options: BenchOptions) -> TimedFiles:
    names = [_name(content) for content in files]
    runs: list[tuple[InterleavedTimes, Sequence[Sequence[float]]]] = []
    for number in range(_MOST_PROCESSES):
        order = names if number % 2 == 0 else names[::-1]
        job = InterleavedJob(options.settings(), _name(baseline), tuple(order), _TIME_S, PRECISION)
        times = run_interleaved(session, job, options)
        runs.append((times, times.log_ratios if number % 2 == 0 else times.log_ratios[::-1]))
        best = min(float(np.median(one.reference_ns)) for one, _ in runs)
        calm = [run for run in runs if np.median(run[0].reference_ns) <= best * (1 + UNSTEADY)]
        if len(calm) >= _PROCESSES:
            break
    runs = calm
    blocks = np.concatenate([times.reference_ns for times, _ in runs])
    device = session.transport.device
    found = tuple(_timing([ratios[place] for _, ratios in runs], device) for place in range(len(files)))
    return TimedFiles(float(np.median(blocks)) / 1e6, found)


def _timing(processes: Sequence[Sequence[float]], device: str) -> Timing:
    """From the log ratios of each process."""
    steady = [ratios for ratios in processes if ratios]
    if not steady:
        raise _too_unsteady(device)
    middles = [float(np.median(ratios)) for ratios in steady]
    within = float(np.mean([min(error_of(ratios), 0.1) for ratios in steady])) / np.sqrt(len(steady))
    between = float(np.std(middles)) / np.sqrt(len(steady))
    return Timing(float(np.exp(np.mean(middles))), float(np.hypot(within, between)))


def _too_unsteady(device: str) -> DeviceError:
    return DeviceError(
        f"{device} changed its speed all the time: hardly a block could be compared with the next.",
        "A device that does nothing else, cool and on mains.",
        "End other programs there, let it cool, and run the same again: what was measured is kept.",
    )


def _one_by_one(baseline: bytes, files: Sequence[bytes], device: str, options: BenchOptions) -> TimedFiles:
    """For runners of one model per process: rounds of processes, the baseline beside each."""
    short = dataclasses.replace(options, min_time_s=min(options.min_time_s, 0.3), eval_samples=0)
    references: list[float] = []
    ratios: list[list[float]] = [[] for _ in files]
    for _ in range(_NATIVE_ROUNDS):
        for which, content in enumerate(files):
            references.append(bench_content(baseline, device, short).latency.p50_ms)
            latency = bench_content(content, device, short).latency.p50_ms
            ratios[which].append(float(np.log(latency / references[-1])))
    timings = [
        Timing(float(np.exp(np.median(one))), float(np.std(one)) / np.sqrt(len(one))) for one in ratios
    ]
    return TimedFiles(float(np.median(references)), tuple(timings))


def bench_content(tflite: bytes, device: str, options: BenchOptions) -> RunRecord:
    """As `device_runners.bench`, of a file that is in memory."""
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        path = Path(folder) / _name(tflite)
        path.write_bytes(tflite)
        return bench(path, device, options)
