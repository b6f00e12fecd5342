"""`compare`: its verdicts, by simulation and with real runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from device_runners import BenchOptions, Verdict, compare
from device_runners.comparison import interval, verdict_of
from edgeprune import jsonable

if TYPE_CHECKING:
    from pathlib import Path

NOISE = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: rng.standard_t(3, n),
    "skewed": lambda rng, n: rng.exponential(size=n) - 1,
    "two states": lambda rng, n: rng.choice([-1.0, 1.0], n) + 0.1 * rng.standard_normal(n),
}


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("rounds", [6, 8, 16])
def test_the_same_model_is_judged_different_in_at_most_five_percent(kind: str, rounds: int) -> None:
    """Round-to-round noise of 5 %, far above `MIN_EFFECT`, so that the interval alone decides."""
    rng = np.random.default_rng(rounds)
    trials = 200
    wrong = sum(
        verdict_of(0.05 * NOISE[kind](rng, rounds), i)[0] is not Verdict.NO_DIFFERENCE for i in range(trials)
    )
    assert wrong <= 0.05 * trials


def test_real_differences_are_found_with_their_size() -> None:
    rng = np.random.default_rng(3)
    found = [verdict_of(np.log(0.5) + 0.05 * rng.standard_normal(8), i) for i in range(100)]
    assert all(verdict is Verdict.FASTER for verdict, _, _ in found)
    assert sum(low <= 2.0 <= high for _, low, high in found) >= 93
    assert all(1.5 < low < high < 2.7 for _, low, high in found)
    slower = verdict_of(np.log(1.5) + 0.05 * rng.standard_normal(8))
    assert slower[0] is Verdict.SLOWER
    assert slower[2] < 1


def test_what_is_too_small_to_matter_is_no_verdict() -> None:
    assert verdict_of([0.010, 0.0101, 0.0102, 0.0099, 0.01])[0] is Verdict.NO_DIFFERENCE
    assert verdict_of([0.0, 0.0, 0.0, 0.0]) == (Verdict.NO_DIFFERENCE, 1.0, 1.0)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    bounds = [interval(rng.standard_normal(8), i) for i in range(400)]
    assert np.mean([low <= 0 <= high for low, high in bounds]) >= 0.95


def test_two_models_here(bundle: Path, float_model: Path) -> None:
    result = compare(bundle, float_model, "local", BenchOptions(min_time_s=0.05), rounds=6)
    assert len(result.rounds) == 6
    assert result.low <= result.speedup <= result.high
    assert result.a_ms > 0
    assert result.verdict.value in jsonable.dumps(result)


@pytest.mark.heavy
@pytest.mark.alone
def test_the_same_model_against_itself_on_this_machine(bundle: Path) -> None:
    """Many trials out of real rounds: every one draws eight of the rounds that were run."""
    rounds = compare(bundle, bundle, "local", BenchOptions(min_time_s=0.1), rounds=48).rounds
    rng = np.random.default_rng(1)
    verdicts = [verdict_of(rng.choice(rounds, 8, replace=False), i)[0] for i in range(200)]
    wrong = sum(verdict is not Verdict.NO_DIFFERENCE for verdict in verdicts)
    assert wrong <= 0.05 * len(verdicts)
