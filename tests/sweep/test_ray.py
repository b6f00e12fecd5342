"""Real builds on a real Ray cluster that loses a worker, a machine and the driver."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from edgeprune.bundle import read_bundle
from edgeprune.sweep import Front, sweep
from tests.sweep import builds

pytestmark = pytest.mark.heavy
MARK = "EDGEPRUNE_TEST_CLUSTER"
ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from pathlib import Path
from edgeprune.sweep import Sweep, storage, sweep
from tests.sweep import builds
storage.HEARTBEAT_S, storage.GRACE_S = 1, 10
folder = Path(sys.argv[1])
what = Sweep(
    str(folder / "mine.keras"), str(folder / "mine.npz"), builds.SPACE, builds.FIXED, ("accuracy", "size"),
    at_once=2, ray=sys.argv[2], stop_early=False,
)
sweep(what, folder / "ray")
"""


def trials_of(mark: str) -> list[tuple[int, int]]:
    """(process, parent) of the cluster's builds under way."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if b"edgeprune.sweep.subprocess_trial" not in (folder / "cmdline").read_bytes():
                continue
            if mark.encode() in (folder / "environ").read_bytes():
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                found.append((int(folder.name), int(stat[1])))
        except OSError:
            continue
    return found


def states(folder: Path) -> Counter[str]:
    """How many of Optuna's trials are in which state."""
    path = folder / "ray" / "sweep.db"
    if not path.exists():
        return Counter()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        return Counter(dict(connection.execute("select state, count(*) from trials group by state")))
    except sqlite3.OperationalError:
        return Counter()  # just being made
    finally:
        connection.close()


def wait_for(condition, what: str, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def comparable(front: Front) -> dict[int, tuple[object, ...]]:
    """Of every trial, not of the front alone: settings and objectives."""
    return {
        one.number: (
            one.settings, one.figures.get("accuracy"), one.figures.get("size"), one.error, one.optimal
        )
        for one in front.trials
    }


def test_a_cluster_finds_the_serial_front_and_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="the extra [search] is not installed")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    what = builds.make(tmp_path)
    serial = sweep(what, tmp_path / "serial", runner=builds.in_this_process)
    assert len(serial.trials) == 24
    assert len(serial.optimal) >= 3, "a front of one point would prove little"

    mark = uuid.uuid4().hex
    for name, value in {
        MARK: mark, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    # The paths of its sockets have 107 characters at most.
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # noqa: S108
    room = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={**room, "include_dashboard": False}
    )
    try:
        cluster.add_node(**room)
        command = [sys.executable, "-c", DRIVER, str(tmp_path), cluster.address]
        first = subprocess.Popen(command, cwd=ROOT)
        wait_for(lambda: states(tmp_path)["COMPLETE"] >= 4 and len(trials_of(mark)) == 2, "no trial")
        os.kill(trials_of(mark)[0][1], signal.SIGKILL)  # a worker, in the middle of its trial
        wait_for(lambda: states(tmp_path)["COMPLETE"] >= 10, "the sweep stood still after its worker died")
        assert states(tmp_path)["FAIL"] == 1
        wait_for(lambda: len(trials_of(mark)) == 2, "no trial")
        first.kill()
        first.wait()
        wait_for(lambda: not trials_of(mark), "the dead driver's builds went on", 60)
        again = subprocess.Popen(command, cwd=ROOT)
        assert again.wait(400) == 0
    finally:
        cluster.shutdown()
    ended = states(tmp_path)
    assert ended["COMPLETE"] == 24, ended  # each once
    assert 2 <= ended["FAIL"] <= 3, ended  # the worker's, and the driver's one or two
    assert not ended["RUNNING"] + ended["WAITING"] + ended["PRUNED"], ended
    parallel = sweep(what, tmp_path / "ray")
    assert comparable(parallel) == comparable(serial)
    for one in parallel.optimal:
        bundle = read_bundle(tmp_path / "ray" / f"trial-{one.number}")
        assert bundle.model.stat().st_size == one.figures["size"]
