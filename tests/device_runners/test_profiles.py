"""Latency tables over ssh and adb: plumbing, not values; and a device that leaves in the middle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from device_runners import BenchOptions
from edgeprune.budget import measure as measuring
from edgeprune.budget.candidates import Candidates, candidates_of
from edgeprune.budget.fit import Fitter
from edgeprune.budget.limits import Budget
from edgeprune.budget.profile import profile
from edgeprune.errors import DeviceError
from edgeprune.pruning.allocation import Limits, levels
from edgeprune.pruning.prepared import Prepared
from tests.budget.networks import network, samples, tflite
from tests.device_runners.test_devices_end_to_end import native_options

if TYPE_CHECKING:
    from pathlib import Path

    from device_runners.session import Session
    from tests.device_runners.testbeds.beds import Bed

pytestmark = pytest.mark.heavy
LEAST = np.ones(3, int)


@pytest.fixture(scope="module")
def candidates() -> Candidates:
    return candidates_of(Prepared(network(), samples()), tflite)


def test_a_budget_over_ssh(here: Bed, candidates: Candidates) -> None:
    options = BenchOptions(min_time_s=0.1, runs=5, python=sys.executable)
    known = profile(candidates, here.device, options, LEAST)
    assert len(known.measured) == 13
    choices = levels(candidates.prepared.units.groups, Limits())
    # Ten times what it takes: the plumbing of plan, build and measured run, whatever the machine does.
    fitted = Fitter(known, choices).fit(Budget(latency_ms=10 * (known.baseline_ms or 0.0)))
    assert fitted.explanation.device == here.device
    assert fitted.explanation.rounds[-1].measured["latency_ms"] > 0
    assert all(row.units_after == row.units_before for row in fitted.explanation.rows)
    assert not here.leftovers()


def test_a_profile_over_adb_without_python(
    droid: Bed, roots: Path, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeprune.budget import profile as profiles

    monkeypatch.setattr(profiles, "candidates_for", lambda groups: groups)
    monkeypatch.setattr(measuring, "_NATIVE_ROUNDS", 1)
    known = profile(candidates, droid.device, native_options(roots), LEAST)
    assert len(known.measured) == 8
    assert all(np.isfinite(one.ratio) and one.ratio > 0 for one in known.measured)
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
            session.abort()  # the life line is cut, as by a lost connection: the keeper ends the run
            session.transport.root = "/nowhere"
            session.folder = "/nowhere"
        return whole(session, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "_in_turn", leaves)
    with pytest.raises(DeviceError, match=r"5 of 13 candidates were measured and are kept; the same command"):
        profile(candidates, here.device, options, LEAST)
    assert len(profile(candidates, here.device, options, LEAST).measured) == 13
    assert calls == 4
    assert not here.leftovers()
