"""A sweep whose only device leaves in the middle and comes back: real builds, over real ssh and adb."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edgeprune.errors import DeviceError
from edgeprune.sweep import Sweep, sweep
from tests.device_runners.testbeds.beds import Bed, free_port
from tests.sweep import builds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgeprune.sweep.status_board import SweepStatus

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("devices")]
TRIALS, BEFORE = 3, 1


@pytest.fixture(scope="module")
def what(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    pytest.importorskip("optuna")
    made = builds.make(tmp_path_factory.mktemp("files"))
    return dataclasses.replace(made, trials=TRIALS, at_once=1, objectives=("accuracy", "latency"))


@contextlib.contextmanager
def unreachable(bed: Bed) -> Iterator[None]:
    """The device's network is gone meanwhile."""
    if bed.device.startswith("adb"):
        link = ["ip", "netns", "exec", f"edgeprune{os.getpid()}", "ip", "link", "set", "lo"]
        subprocess.run(["adb", "disconnect", "127.0.0.1:5599"], check=True, capture_output=True)
        subprocess.run([*link, "down"], check=True)
        try:
            yield
        finally:
            subprocess.run([*link, "up"], check=True)
    else:
        config = bed.state / "config"
        before = config.read_text()
        config.write_text(re.sub(r"Port \d+", f"Port {free_port()}", before))
        try:
            yield
        finally:
            config.write_text(before)


@pytest.mark.parametrize("kind", ["here", "droid"])
def test_a_device_that_leaves_a_sweep_and_comes_back(
    kind: str, what: Sweep, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bed: Bed = request.getfixturevalue(kind)
    python = sys.executable if kind == "here" else request.getfixturevalue("carried_python")
    what = dataclasses.replace(what, devices=(bed.device,), python=python)
    out = tmp_path / "out"
    seen: list[SweepStatus] = []
    with contextlib.ExitStack() as away:

        def leaves(standing: SweepStatus) -> None:
            if len(standing.done) >= BEFORE and not seen:
                seen.append(standing)
                away.enter_context(unreachable(bed))

        with pytest.raises(DeviceError, match=r"what is done is kept") as error:
            sweep(what, out, show=leaves)
    assert bed.device.partition("://")[2] in str(error.value)
    before = {one.number: one.figures for one in seen[0].done}
    assert len(before) >= BEFORE
    assert not any(one.error for one in seen[0].done)
    front = sweep(what, out)
    assert sorted(one.number for one in front.trials) == list(range(TRIALS))
    assert not any(one.error for one in front.trials)
    assert all(one.figures["latency"] > 0 for one in front.trials)
    # What was done before is not done again.
    assert {one.number: one.figures for one in front.trials if one.number in before} == before
    assert not bed.leftovers()
