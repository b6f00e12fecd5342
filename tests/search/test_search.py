"""Sweeps against an exhaustive front, and against drivers and workers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeprune.errors import DeviceError, InputError
from edgeprune.search import DEFAULT_SPACE, Space, Sweep, sweep
from edgeprune.search import study as study_module
from edgeprune.search.space import parse_space
from edgeprune.search.trial import Assignment, Outcome
from tests.search.quick import figures, quick

SPACE = Space(
    {"prune": (0.2, 0.4, 0.6, 0.8), "quantize": ("int8", "float16"), "learning_rate": (2e-4, 5e-4, 1e-3)}
)
WHAT = Sweep(space=SPACE, objectives=("accuracy", "size"), trials=24)
DRIVER = """
import sys
from pathlib import Path
from edgeprune.search import sweep
from tests.search import quick, test_search
import dataclasses
what = dataclasses.replace(test_search.WHAT, ray=sys.argv[2] or None, at_once=int(sys.argv[3]))
sweep(what, sys.argv[1], job=quick.quick)
"""


def brute_force_front() -> set[tuple[float, float]]:
    points = [(one["accuracy"], one["size"]) for one in map(figures, SPACE.drawn(10**6, 0))]
    return {
        (a, s) for a, s in points if not any(x >= a and y <= s and (x, y) != (a, s) for x, y in points)
    }


def front_of(folder: Path) -> set[tuple[float, float]]:
    """Of a finished sweep: nothing is run any more."""

    def none(assignment: Assignment) -> Outcome:
        raise AssertionError(assignment)

    found = sweep(WHAT, folder, job=none)
    assert sorted(one.slot for one in found.trials) == list(range(24))
    assert len({tuple(one.settings.items()) for one in found.trials}) == 24
    return {(one.figures["accuracy"], one.figures["size"]) for one in found.optimal}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna", reason="the extra [search] is not installed")
    monkeypatch.setattr(study_module, "HEARTBEAT_S", 1)
    monkeypatch.setattr(study_module, "GRACE_S", 3)
    monkeypatch.setattr("tests.search.quick.PAUSE_S", 0.0)


def test_the_front_is_that_of_all_settings(tmp_path: Path) -> None:
    sweep(WHAT, tmp_path, job=quick)
    assert front_of(tmp_path) == brute_force_front()


def test_a_sweep_of_something_else_is_refused(tmp_path: Path) -> None:
    few = Sweep(space=SPACE, objectives=("accuracy", "size"), trials=2)
    sweep(few, tmp_path, job=quick)
    with pytest.raises(InputError, match=r"another --study or --out"):
        sweep(WHAT, tmp_path, job=quick)


def test_a_lost_worker_gives_its_trial_back(tmp_path: Path) -> None:
    from edgeprune.search.trial import WorkerLostError

    lost: set[int] = set()

    def every_third_dies_once(assignment: Assignment) -> Outcome:
        if assignment.slot % 3 == 0 and assignment.slot not in lost:
            lost.add(assignment.slot)
            raise WorkerLostError
        return quick(assignment)

    sweep(WHAT, tmp_path, job=every_third_dies_once)
    assert len(lost) == 8
    assert front_of(tmp_path) == brute_force_front()


def test_what_the_build_refuses_is_done_and_said(tmp_path: Path) -> None:
    def refuse(assignment: Assignment) -> Outcome:
        too_much = assignment.settings["prune"] == 0.8
        return Outcome(error="Not so much can go.") if too_much else quick(assignment)

    found = sweep(WHAT, tmp_path, job=refuse)
    assert sum(one.error == "Not so much can go." for one in found.trials) == 6
    assert len(found.trials) == 24


@pytest.mark.heavy
def test_a_pool_goes_on_without_a_device_that_left_and_says_when_none_is_left(tmp_path: Path) -> None:
    used = []

    def job(assignment: Assignment) -> Outcome:
        used.append(assignment.device)
        if assignment.device == "ssh://a" or len(used) > 10:
            return Outcome(error=f"{assignment.device} went away.", device_failed=True)
        return quick(assignment)

    what = Sweep(**{**vars(WHAT), "devices": ("ssh://a", "ssh://b"), "at_once": 2})
    with pytest.raises(DeviceError, match=r"ssh://b went away.*trials are done and kept.*same command"):
        sweep(what, tmp_path, job=job)
    assert used.count("ssh://a") == 1
    assert sweep(WHAT, tmp_path, job=quick).trials[-1].slot == 23
    assert front_of(tmp_path) == brute_force_front()


def test_values_are_those_of_the_recipe() -> None:
    assert parse_space(["prune=0.3,0.5", "epochs=1,2", "qat=true,false"]).values == {
        "prune": (0.3, 0.5), "epochs": (1, 2), "qat": (True, False)
    }  # fmt: skip
    assert parse_space([]) is DEFAULT_SPACE
    with pytest.raises(InputError, match="There is no setting 'prnue'"):
        parse_space(["prnue=0.5"])
    with pytest.raises(InputError, match="A number is expected"):
        parse_space(["prune=half"])


def test_every_value_is_drawn_about_equally_often() -> None:
    drawn = DEFAULT_SPACE.drawn(24, 0)
    for name, values in DEFAULT_SPACE.values.items():
        counts = [sum(row[name] == value for row in drawn) for value in values]
        assert max(counts) - min(counts) <= 1


def test_without_the_extra_the_error_names_the_install_line(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "from edgeprune.search import Sweep, sweep\nsweep(Sweep(), sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "pip install 'edgeprune[search]'" in done.stderr


def driver(folder: Path, ray: str, at_once: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), ray, str(at_once)], cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def started(folder: Path) -> int:
    return len(list((folder / "marks").glob("*"))) if (folder / "marks").is_dir() else 0


def wait_until(folder: Path, number: int) -> None:
    end = time.monotonic() + 60
    while started(folder) < number:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.heavy
def test_two_drivers_share_a_sweep_and_one_is_killed(tmp_path: Path) -> None:
    first = driver(tmp_path, "", 1)
    wait_until(tmp_path, 1)
    second = driver(tmp_path, "", 1)
    wait_until(tmp_path, 8)
    first.kill()
    first.wait()
    assert second.wait(120) == 0
    assert front_of(tmp_path) == brute_force_front()


@pytest.mark.heavy
def test_a_killed_driver_is_started_again(tmp_path: Path) -> None:
    first = driver(tmp_path, "", 1)
    wait_until(tmp_path, 4)
    first.kill()
    first.wait()
    done = sweep(WHAT, tmp_path, job=quick)
    assert len(done.trials) == 24
    # Only what was under way ran twice.
    assert 24 <= started(tmp_path) <= 26
    assert front_of(tmp_path) == brute_force_front()


@pytest.mark.heavy
def test_a_ray_cluster_of_two_workers_loses_one_and_its_driver(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="the extra [search] is not installed")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second_node = cluster.add_node(num_cpus=1)
        first = driver(tmp_path, cluster.address, 2)
        wait_until(tmp_path, 5)
        newest = max((tmp_path / "marks").glob("*"), key=lambda path: path.stat().st_mtime)
        os.kill(int(newest.name.split("-")[1]), signal.SIGKILL)  # a worker, in the middle of its trial
        wait_until(tmp_path, 9)
        first.kill()
        first.wait()
        again = driver(tmp_path, cluster.address, 2)
        wait_until(tmp_path, 14)
        cluster.remove_node(second_node, allow_graceful=False)
        assert again.wait(180) == 0
    finally:
        ray.shutdown()
        cluster.shutdown()
    workers = {path.name.split("-")[1] for path in (tmp_path / "marks").glob("*")}
    assert len(workers) >= 2
    assert front_of(tmp_path) == brute_force_front()
