"""Is B faster than A on this device? Interleaved A/B timing over several fresh processes, with an interval.

Two runs of the very same model differ: memory layout differs from process to process, and the machine
changes over time. So a round is one fresh process that times A and B in turn, block by block; rounds
alternate which of the two is loaded first and serves as reference. Each round gives one log ratio
``log(B / A)``, the median over its blocks, and rounds are what varies: the interval is that of the mean over
rounds, by a studentized bootstrap (Efron & Tibshirani 1993, chapter 12.5), which stays honest with few
rounds where the plain percentile bootstrap is too narrow.

A verdict needs an interval that excludes 1 and an effect of at least `MIN_EFFECT`: less is within what
the placement of code and data in memory does to the same model.
"""

import dataclasses
import enum
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device_runners.agent.job import InterleavedJob, InterleavedTimes
from device_runners.options import DEFAULT_OPTIONS, BenchOptions, open_target
from device_runners.python_runner import agent_zip, run_interleaved
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.bundle import Bundle
from edgeprune.html_table import html_table
from edgeprune.quantities import show_duration

# More than the 95 % that is promised: rounds on a busy machine have heavier tails than the bootstrap knows.
CONFIDENCE = 0.98
MIN_EFFECT = 0.02
# With fewer, a machine with two speeds may be in the same one by chance, in more than 5 % of trials.
MIN_ROUNDS = 6
_RESAMPLES = 2000
_BLOCK_MS = 10.0


class Verdict(str, enum.Enum):
    """What was shown about B against A."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_DIFFERENCE = "no difference shown"


@dataclasses.dataclass(frozen=True, repr=False)
class Comparison:
    """The result: `speedup` is latency of A / latency of B, `low` to `high` its interval at `confidence`.

    `a_ms` and `b_ms` are medians; `rounds` holds log(B / A) of each fresh process.
    """

    device: str
    a: str
    b: str
    verdict: Verdict
    speedup: float
    low: float
    high: float
    confidence: float
    a_ms: float
    b_ms: float
    rounds: tuple[float, ...]
    runtime: str | None

    def __repr__(self) -> str:
        return f"<Comparison on {self.device}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        rows = [("A", self.a, show_duration(self.a_ms)), ("B", self.b, show_duration(self.b_ms))]
        basis = f"{self.confidence:.0%} interval, {len(self.rounds)} rounds, {self.device}"
        return html_table(f"{self.sentence()} ({basis})", (), rows)

    def sentence(self) -> str:
        """The verdict in words, such as ``B is 1.90-2.10x faster``."""
        if self.verdict is Verdict.FASTER:
            return f"B is {self.low:.2f}-{self.high:.2f}x faster than A"
        if self.verdict is Verdict.SLOWER:
            return f"B is {1 / self.high:.2f}-{1 / self.low:.2f}x slower than A"
        return f"No difference is shown: A takes {self.low:.2f} to {self.high:.2f} times as long as B"


def compare(
    a: Path | str | Bundle, b: Path | str | Bundle, device: str = "local",
    options: BenchOptions = DEFAULT_OPTIONS, rounds: int = 8,
) -> Comparison:
    """Compare the latency of two bundles or models on one device; A is the one to beat.

    `rounds` fresh processes run, at least `MIN_ROUNDS`, each for `options.min_time_s`.

    Raises:
        InputError: a bad target or device name.
        DeviceError: the device refused, failed or went away.
    """
    targets, names = (open_target(a), open_target(b)), ("a.tflite", "b.tflite")
    rounds = max(rounds, MIN_ROUNDS)
    ratios: list[float] = []
    blocks_ns: dict[str, list[float]] = {name: [] for name in names}
    transport, limit_s = open_transport(device), options.time_limit_s * rounds
    with Session(transport, limit_s, options.lock_wait_s, options.waiting) as session:
        session.upload({"agent.zip": agent_zip(), names[0]: targets[0].model, names[1]: targets[1].model})
        for index in range(rounds):
            reference, model = names if index % 2 == 0 else names[::-1]
            job = InterleavedJob(
                options.settings(), reference, (model,), options.min_time_s, block_ms=_BLOCK_MS, quantile=0.5
            )
            times = run_interleaved(session, job, options)
            ratios.append(_log_ratio(times) * (1 if model == names[1] else -1))
            blocks_ns[reference] += times.reference_ns
            blocks_ns[model] += times.model_ns[0]
    verdict, low, high = verdict_of(ratios)
    a_ms, b_ms = (float(np.median(blocks_ns[name])) / 1e6 for name in names)
    return Comparison(
        device=device, a=str(targets[0].model), b=str(targets[1].model), verdict=verdict,
        speedup=float(np.exp(-np.mean(ratios))), low=low, high=high, confidence=CONFIDENCE,
        a_ms=a_ms, b_ms=b_ms, rounds=tuple(ratios), runtime=times.runtime,
    )


def _log_ratio(times: InterleavedTimes) -> float:
    """log(model / reference) of one round, by its steady blocks; by all where none was steady."""
    if times.log_ratios[0]:
        return float(np.median(times.log_ratios[0]))
    return float(np.log(np.median(times.model_ns[0]) / np.median(times.reference_ns)))


def verdict_of(log_ratios: Sequence[float], seed: int = 0) -> tuple[Verdict, float, float]:
    """Verdict, and the interval of A / B, from one log(B / A) per round (at least 3)."""
    low, high = interval(np.asarray(log_ratios, np.float64), seed)
    low, high = (float(np.exp(np.clip(-bound, -20, 20))) for bound in (high, low))
    middle = float(np.exp(-np.mean(log_ratios)))
    if low > 1 and middle >= 1 + MIN_EFFECT:
        return Verdict.FASTER, low, high
    if high < 1 and middle <= 1 / (1 + MIN_EFFECT):
        return Verdict.SLOWER, low, high
    return Verdict.NO_DIFFERENCE, low, high


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Studentized bootstrap interval of the mean of `values` (N,), at `CONFIDENCE`."""
    rng = np.random.default_rng(seed)
    count, mean = len(values), float(values.mean())
    error = float(values.std(ddof=1)) / np.sqrt(count)
    samples = values[rng.integers(0, count, (_RESAMPLES, count))]
    errors = samples.std(axis=1, ddof=1) / np.sqrt(count)
    # A resample of equal values has no spread, and says nothing about it.
    usable = errors > 0
    if error == 0 or not usable.any():
        return mean, mean
    t = (samples.mean(axis=1)[usable] - mean) / errors[usable]
    tail = (1 - CONFIDENCE) / 2
    upper, lower = np.quantile(t, [1 - tail, tail])
    return mean - float(upper) * error, mean - float(lower) * error
