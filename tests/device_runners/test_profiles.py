"""Latency tables over ssh and adb: plumbing, not values; and a device that leaves in the middle."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import edgeprune
from device_runners import BenchOptions
from edgeprune.budget import timing as measuring
from edgeprune.budget.candidates import Candidates, candidates_of
from edgeprune.budget.profile import measured_profile
from edgeprune.budget.resources import ResourceBudget
from edgeprune.budget.search import BudgetSearch
from edgeprune.errors import DeviceError
from edgeprune.keras_bridge.prune import analyze
from edgeprune.pruning.constraints import Constraints, allowed_widths
from tests.budget.networks import network, samples, tflite
from tests.device_runners.test_devices_end_to_end import native_options

if TYPE_CHECKING:
    from pathlib import Path

    from device_runners.session import Session
    from tests.device_runners.testbeds.beds import Bed

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("devices")]
LEAST = np.ones(3, int)


@pytest.fixture(scope="module")
def candidates() -> Candidates:
    return candidates_of(analyze(network(), samples()), tflite)


def test_a_budget_over_ssh(here: Bed, candidates: Candidates) -> None:
    options = BenchOptions(min_time_s=0.1, runs=5, python=sys.executable)
    known = measured_profile(candidates, here.device, options, LEAST)
    assert len(known.measured) == 13
    choices = allowed_widths(candidates.analysis.dependencies.groups, Constraints())
    # Ten times what it takes: the plumbing of plan, build and measured run, whatever the machine does.
    budget = ResourceBudget(latency_ms=10 * (known.baseline_ms or 0.0))
    found = BudgetSearch(known, choices).find(budget, plans=8, seconds=60)
    assert found.explanation.device == here.device
    assert found.explanation.rounds[-1].measured["latency_ms"] > 0
    assert all(row.units_after == row.units_before for row in found.explanation.rows)
    assert not here.leftovers()


def test_a_profile_over_adb_without_python(
    droid: Bed, roots: Path, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeprune.budget import profile as profiles

    monkeypatch.setattr(profiles, "design_size", lambda groups: groups)
    monkeypatch.setattr(measuring, "_NATIVE_ROUNDS", 1)
    known = measured_profile(candidates, droid.device, native_options(roots), LEAST)
    assert len(known.measured) == 8
    assert all(np.isfinite(one.ratio) and one.ratio > 0 for one in known.measured)
    assert not droid.leftovers()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A model and its data as files."""
    folder = tmp_path_factory.mktemp("source")
    network().save(folder / "model.keras")
    x, y = samples(200), np.arange(200) % 10
    np.savez(folder / "data.npz", x_train=x[:120], y_train=y[:120], x_test=x[120:], y_test=y[120:])
    return folder / "model.keras", str(folder / "data.npz")


def built(source: tuple[Path, str], out: Path, device: str, tools: BenchOptions) -> dict[str, Any]:
    """What a build by a budget that any device meets reports."""
    bundle = edgeprune.build(
        *source, out=out, tools=tools, max_latency="60s", max_size="24kB", device=device,
        calibration=64, epochs=1, gradual_epochs=1, max_quantization_drop=100.0, force=True,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(bundle.file("report.json").read_text())
    assert report["device"] == report["budget"]["device"] == device
    assert report["budget"]["deployed"]["inside"]
    assert report["budget"]["deployed"]["measured"]["size_bytes"] <= 24_000
    assert all(stage["latency_ms"]["p50"] > 0 for stage in report["stages"].values())
    return report


def test_a_build_by_a_budget_over_ssh(
    pi64: Bed, source: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_TIME_S", 0.5)
    monkeypatch.setattr(measuring, "_ROUND_S", 0.1)
    report = built(source, tmp_path / "out", pi64.device, BenchOptions(min_time_s=0.1, runs=5))
    assert report["budget"]["candidates"] >= 13
    assert not pi64.leftovers()


def test_a_build_by_a_budget_over_adb_without_python(
    droid: Bed, roots: Path, source: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeprune.budget import profile as profiles

    monkeypatch.setattr(profiles, "design_size", lambda groups: groups)
    monkeypatch.setattr(measuring, "_NATIVE_ROUNDS", 1)
    report = built(source, tmp_path / "out", droid.device, native_options(roots))
    assert report["budget"]["candidates"] >= 8
    assert not droid.leftovers()


def test_a_device_that_leaves_in_the_middle(
    here: Bed, candidates: Candidates, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    del own_cache
    options = BenchOptions(min_time_s=0.1, runs=5, threads=2, python=sys.executable)
    monkeypatch.setattr(measuring, "_AT_ONCE", 5)
    whole, calls = measuring._in_turn, 0

    def leaves(session: Session, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            session.abort()  # the life line is cut, as by a lost connection: the lock holder ends the run
            session.transport.root = "/nowhere"
            session.folder = "/nowhere"
        return whole(session, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "_in_turn", leaves)
    with pytest.raises(DeviceError, match="5 of 13 candidates were measured"):
        measured_profile(candidates, here.device, options, LEAST)
    assert len(measured_profile(candidates, here.device, options, LEAST).measured) == 13
    assert calls == 4
    assert not here.leftovers()
