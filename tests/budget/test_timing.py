"""The agent's rounds with a clock of the test's own, and the cache of a real profile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from device_runners.agent.interleaved import MIN_BLOCKS, time_against
from device_runners.options import BenchOptions
from edgeprune.budget.candidates import candidates_of
from edgeprune.budget.profile import measured_profile
from edgeprune.budget.resources import ResourceBudget
from edgeprune.budget.search import budget_search
from edgeprune.errors import DeviceError, VerificationError
from edgeprune.keras_bridge.prune import analyze
from edgeprune.pruning.analysis import PruningAnalysis
from tests.budget.networks import network, samples, tflite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Machine:
    """Blocks that take their time times the machine's slowness; the clock goes on with them."""

    def __init__(self, slowness: Callable[[int], float]) -> None:
        self.now, self.blocks, self._slowness = 0, 0, slowness

    def clock(self) -> int:
        return self.now

    def block(self, nanoseconds: float) -> Callable[[], float]:
        def run() -> float:
            self.blocks += 1
            taken = nanoseconds * self._slowness(self.blocks)
            self.now += int(taken)
            return taken

        return run


def test_a_drift_leaves_ratios_as_they_are() -> None:
    machine = Machine(lambda number: 1 + 0.001 * number)
    models = [machine.block(500), machine.block(2000)]
    found = time_against(machine.block(1000), models, machine.clock, 10**9, 0.001)
    for ratios, expected in zip(found.log_ratios, (0.5, 2.0), strict=True):
        assert math.exp(float(np.median(ratios))) == pytest.approx(expected, rel=1e-3)


def test_blocks_beside_a_throttling_are_thrown_out() -> None:
    machine = Machine(lambda number: 3.0 if number % 7 == 0 else 1.0)
    found = time_against(machine.block(1000), [machine.block(700)], machine.clock, 10**6, 0.0)
    assert found.discarded > 0
    assert {round(math.exp(ratio), 6) for ratio in found.log_ratios[0]} == {0.7, 2.1} or {
        round(math.exp(ratio), 6) for ratio in found.log_ratios[0]
    } == {0.7}
    assert math.exp(float(np.median(found.log_ratios[0]))) == pytest.approx(0.7)


def test_precise_models_leave_the_time_to_the_others() -> None:
    random = np.random.default_rng(0)
    machine = Machine(lambda _: 1.0)
    noisy = machine.block(1000)
    found = time_against(
        machine.block(1000), [machine.block(500), lambda: noisy() * float(np.exp(random.normal(0, 0.2)))],
        machine.clock, 10**9, 0.01,
    )  # fmt: skip
    assert len(found.log_ratios[0]) == MIN_BLOCKS
    assert len(found.log_ratios[1]) > 3 * MIN_BLOCKS


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PruningAnalysis:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return analyze(network(), samples())


@pytest.mark.heavy
def test_a_device_that_goes_away_costs_what_was_under_way(
    prepared: PruningAnalysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from edgeprune.budget import timing as module

    monkeypatch.setattr(module, "_AT_ONCE", 4)
    monkeypatch.setattr(module, "_TIME_S", 0.2)
    candidates, options = candidates_of(prepared, tflite), BenchOptions(min_time_s=0.05, runs=5)
    calls = 0
    whole = module._in_turn

    def cable_pulled(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise DeviceError("The connection to local was lost.")
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_in_turn", cable_pulled)
    least = np.ones(len(prepared.dependencies.groups), int)
    with pytest.raises(DeviceError, match=r"lost.*8 of 13 candidates were measured"):
        measured_profile(candidates, "local", options, least)
    known = measured_profile(candidates, "local", options, least)
    assert len(known.measured) == 13
    assert calls == 5  # two before, the one that was lost, and the two that were left
    again = measured_profile(candidates, "local", options, least)
    assert calls == 5
    assert again.measured == known.measured
    assert list((tmp_path / "edgeprune" / "profiles").glob("*.json")) == [known.path]


@pytest.mark.heavy
def test_budgets_are_met_together_or_refused_with_the_best_that_there_is(prepared: PruningAnalysis) -> None:
    whole = prepared.cost
    size = len(tflite(prepared.model))
    budget = ResourceBudget(size_bytes=0.6 * size, macs=0.5 * whole.macs)
    found = budget_search(prepared, tflite, timed=False).find(budget, plans=8, seconds=60)
    assert len(found.tflite) <= 0.6 * size
    assert found.result.report.after.macs <= 0.5 * whole.macs
    assert found.explanation.rounds[-1].inside
    assert {row.group for row in found.explanation.rows} == {
        group.name for group in prepared.dependencies.groups
    }
    said = r"cannot be met.*best that can be reached.*holds it back: .*% of the time"
    with pytest.raises(VerificationError, match=said):
        budget_search(prepared, tflite).find(ResourceBudget(latency_ms=1e-6), plans=8, seconds=60)


@pytest.mark.heavy
def test_a_memory_budget_is_measured(prepared: PruningAnalysis) -> None:
    search = budget_search(prepared, tflite, timed=False)
    generous = search.find(ResourceBudget(memory_bytes=4e9), plans=8, seconds=60)
    assert 1e6 < generous.explanation.rounds[-1].measured["memory_bytes"] < 4e9
    assert all(row.units_after == row.units_before for row in generous.explanation.rows)
