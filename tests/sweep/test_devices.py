"""A sweep that measures on a real device, a stock sshd, which leaves in the middle."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from edgeprune.errors import DeviceError
from edgeprune.sweep import Space, Sweep, sweep
from edgeprune.sweep.trial import CHECK, Assignment, Message, Outcome
from tests.device_runners.testbeds import beds

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("devices")]
GOLDEN = Path(__file__).parents[1] / "device_runners" / "golden" / "bundle_v1"
WHAT = Sweep(space=Space({"prune": (0.2, 0.4, 0.6)}), objectives=("accuracy", "latency"), trials=3)


def built(assignment: Assignment) -> Generator[Message, None, None]:
    """Gives a bundle that was built before: here the device matters."""
    if assignment.number == CHECK:
        yield Message(outcome=Outcome())
        return
    shutil.copytree(GOLDEN, assignment.out, dirs_exist_ok=True)
    yield Message(outcome=Outcome({"accuracy": float(assignment.settings["prune"]), "latency": 1e9}))


def test_a_device_that_leaves_and_one_that_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna", reason="the extra [search] is not installed")
    beds.need("sshd", "ssh")
    path = os.environ["PATH"]
    with beds.ssh_bed("here", tmp_path / "first", None) as bed:
        monkeypatch.setenv("PATH", f"{bed.state}/bin:{path}")
        seen: list[int] = []

        def leaves(assignment: Assignment) -> Generator[Message, None, None]:
            seen.append(assignment.number)
            if len(seen) == 4:  # the look at model and data, and two trials
                os.kill(bed.pid, signal.SIGKILL)
            yield from built(assignment)

        what = dataclasses.replace(WHAT, devices=(bed.device,), python=sys.executable)
        with pytest.raises(DeviceError, match=r"no TFLite runtime|no Python"):
            sweep(dataclasses.replace(what, python="/bin/false"), tmp_path / "out", runner=leaves)
        with pytest.raises(DeviceError, match=r"same command: what is done is kept"):
            sweep(what, tmp_path / "out", runner=leaves)
        with pytest.raises(DeviceError):  # said before anything is built
            sweep(what, tmp_path / "out", runner=leaves)
        assert len(seen) == 4
    with beds.ssh_bed("here", tmp_path / "second", None) as bed:
        monkeypatch.setenv("PATH", f"{bed.state}/bin:{path}")
        what = dataclasses.replace(what, devices=(bed.device,))
        found = sweep(what, tmp_path / "out", runner=leaves)
        assert len(seen) == 5
        assert found.trials[2].place == bed.device
    assert [one.number for one in found.trials] == [0, 1, 2]
    assert all(0 < one.figures["latency"] < 1e9 and one.hardware for one in found.trials)
