"""Sweeps of a formula against its exhaustive front, and against drivers and workers that go away."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.install_source import install_command
from edgeprune.sweep import Space, Sweep, optional_packages, storage, study, sweep
from edgeprune.sweep.front import TrialResult, mark_front
from edgeprune.sweep.status_board import SweepStatus
from edgeprune.sweep.subprocess_trial import WorkerLostError
from edgeprune.sweep.trial import CHECK, Assignment, Message, Outcome
from tests.report.markup import Page
from tests.sweep import quick as quick_module
from tests.sweep.quick import MARKS, figures, quick

pytest.importorskip("optuna", reason="the extra [search] is not installed")
SPACE = Space(
    {"prune": (0.2, 0.4, 0.6, 0.8), "quantize": ("int8", "float16"), "learning_rate": (2e-4, 5e-4, 1e-3)}
)
WHAT = Sweep(space=SPACE, objectives=("accuracy", "size"), trials=24)
FEW = dataclasses.replace(WHAT, trials=6)
DRIVER = """
import dataclasses, sys
from edgeprune.sweep import storage, sweep
from tests.sweep import quick, test_sweep
storage.HEARTBEAT_S, storage.GRACE_S = 1, 10
sweep(dataclasses.replace(test_sweep.WHAT, at_once=int(sys.argv[2])), sys.argv[1], runner=quick.quick)
"""


def brute_force_front() -> set[tuple[float, float]]:
    points = [(one["accuracy"], one["size"]) for one in map(figures, SPACE.drawn(10**6, 0, {}))]
    return {
        (a, s) for a, s in points if not any(x >= a and y <= s and (x, y) != (a, s) for x, y in points)
    }


def front_of(folder: Path) -> set[tuple[float, float]]:
    """Of a finished sweep: nothing runs any more, each setting was had once, the bundles are there."""

    def none(assignment: Assignment) -> Generator[Message, None, None]:
        raise AssertionError(assignment)

    found = sweep(WHAT, folder, runner=none)
    assert sorted(one.number for one in found.trials) == list(range(24))
    assert len({tuple(one.settings.items()) for one in found.trials}) == 24
    kept = {int(path.name.partition("-")[2]) for path in folder.glob("trial-*")}
    assert kept == {one.number for one in found.optimal}
    return {(one.figures["accuracy"], one.figures["size"]) for one in found.optimal}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "HEARTBEAT_S", 1)
    monkeypatch.setattr(storage, "GRACE_S", 10)
    monkeypatch.setattr(quick_module, "PAUSE_S", 0.0)


def test_the_front_is_that_of_all_settings_and_a_sweep_can_be_made_longer(tmp_path: Path) -> None:
    looks = []
    few = sweep(FEW, tmp_path, runner=quick)
    assert len(few.trials) == 6
    more = sweep(WHAT, tmp_path, runner=quick, show=looks.append)
    assert len(looks[-1].done) == looks[-1].total == 24
    assert [one.settings for one in more.trials[:6]] == [one.settings for one in few.trials]
    assert front_of(tmp_path) == brute_force_front()


def test_beyond_the_drawn_settings_the_sampler_goes_on_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "DRAWN", 4)
    found = sweep(dataclasses.replace(WHAT, trials=12), tmp_path, runner=quick)
    assert len({tuple(one.settings.items()) for one in found.trials}) == 12 == len(found.trials)
    drawn = SPACE.drawn(12, 0, {})
    assert [one.settings for one in found.trials[:4]] == drawn[:4]
    assert [one.settings for one in found.trials] != drawn


def test_what_is_made_of_something_else_is_refused(tmp_path: Path) -> None:
    model, data = tmp_path / "mine.keras", tmp_path / "mine.npz"
    model.write_text("one")
    data.write_text("one")
    what = dataclasses.replace(WHAT, model=str(model), data=str(data), trials=2)
    sweep(what, tmp_path / "out", runner=quick)
    with pytest.raises(InputError, match=r"keeps \{\}, now \{'least_steps': 0, 'epochs': 3\}.*another --out"):
        sweep(dataclasses.replace(what, fixed={"epochs": 3}), tmp_path / "out", runner=quick)
    model.write_text("two")
    with pytest.raises(InputError, match="another model"):
        sweep(what, tmp_path / "out", runner=quick)
    model.write_text("one")
    data.write_text("two")
    with pytest.raises(InputError, match="other data"):
        sweep(what, tmp_path / "out", runner=quick)
    data.write_text("one")
    assert len(sweep(what, tmp_path / "out", runner=quick).trials) == 2
    with pytest.raises(InputError, match="holds the bundles of the sweep 'edgeprune'"):
        sweep(dataclasses.replace(what, name="other"), tmp_path / "out", runner=quick)


def test_a_lost_worker_gives_its_trial_back(tmp_path: Path) -> None:
    lost: set[int] = set()

    def every_third_dies_once(assignment: Assignment) -> Generator[Message, None, None]:
        if assignment.number >= 0 and assignment.number % 3 == 0 and assignment.number not in lost:
            lost.add(assignment.number)
            raise WorkerLostError
        return quick(assignment)

    found = sweep(FEW, tmp_path, runner=every_third_dies_once)
    assert len(lost) == 2
    assert [one.number for one in found.trials] == list(range(6))


def test_a_trial_that_kills_every_worker_is_given_up_and_the_others_are_had(tmp_path: Path) -> None:
    tries = []

    def poison(assignment: Assignment) -> Generator[Message, None, None]:
        if assignment.number == 5:
            tries.append(assignment)
            raise WorkerLostError("The process was ended by signal 9.")
        return quick(assignment)

    found = sweep(FEW, tmp_path, runner=poison)
    assert len(tries) == 3
    assert [one.number for one in found.trials if one.error] == [5]
    assert found.trials[5].error == "Lost 3 times: The process was ended by signal 9."


def test_a_trial_that_was_given_up_for_dead_while_its_machine_slept_is_had_again(tmp_path: Path) -> None:
    import optuna

    slept: list[int] = []

    def sleeper(assignment: Assignment) -> Generator[Message, None, None]:
        if assignment.number == 2 and not slept:
            slept.append(2)
            kept = optuna.load_study(study_name="edgeprune", storage=f"sqlite:///{tmp_path / 'sweep.db'}")
            running = [one for one in kept.trials if one.state.name == "RUNNING"]
            assert [one.user_attrs["slot"] for one in running] == [2]
            kept.tell(running[0].number, state=optuna.trial.TrialState.FAIL)
        return quick(assignment)

    found = sweep(FEW, tmp_path, runner=sleeper)
    assert slept
    assert [one.number for one in found.trials] == list(range(6))
    assert not any(one.error for one in found.trials)


def test_what_the_build_refuses_is_done_and_said(tmp_path: Path) -> None:
    def refuse(assignment: Assignment) -> Generator[Message, None, None]:
        if assignment.settings.get("prune") == 0.8:
            return (Message(outcome=one) for one in [Outcome(error="Not so much can go.")])
        return quick(assignment)

    found = sweep(FEW, tmp_path, runner=refuse)
    assert len(found.trials) == 6
    refused = [one.settings["prune"] for one in found.trials if one.error]
    assert set(refused) == {0.8}


def test_bad_data_is_said_before_any_trial(tmp_path: Path) -> None:
    def bad(assignment: Assignment) -> Generator[Message, None, None]:
        assert assignment.number == CHECK
        yield Message(outcome=Outcome(error="The data does not fit.", bad_input=True))

    with pytest.raises(InputError, match="The data does not fit"):
        sweep(FEW, tmp_path, runner=bad)


def test_no_model_at_all_is_an_error(tmp_path: Path) -> None:
    def refuse(assignment: Assignment) -> Generator[Message, None, None]:
        yield Message(outcome=Outcome(error="" if assignment.number == CHECK else "Not so much can go."))

    with pytest.raises(VerificationError, match=r"None of the 6 trials.*Not so much"):
        sweep(FEW, tmp_path, runner=refuse)


def test_a_folder_or_storage_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be used.*Choose another --out"):
        sweep(WHAT, tmp_path / "file" / "out", runner=quick)
    with pytest.raises(InputError, match=r"sqlite:////nowhere/x\.db cannot be used"):
        sweep(dataclasses.replace(WHAT, storage="sqlite:////nowhere/x.db"), tmp_path / "out", runner=quick)
    address = "postgresql://me:secret@localhost:1/x"
    with pytest.raises(InputError) as error:
        sweep(dataclasses.replace(WHAT, storage=address), tmp_path / "out", runner=quick)
    assert "secret" not in str(error.value)
    # What failed left nothing that stands in the way.
    assert len(sweep(dataclasses.replace(WHAT, trials=1), tmp_path / "out", runner=quick).trials) == 1


def test_devices_are_a_pool_and_one_that_leaves_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool and the sweep are real; only the devices' answers are written here."""
    from device_runners.discovery import DeviceCheck
    from edgeprune.sweep import devices as devices_module

    used: list[str] = []
    left = {"ssh://a", "ssh://b"}

    def bench(_bundle: Path, device: str, _options: object) -> object:
        used.append(device)
        if used.count(device) > 3:
            left.discard(device)
            raise DeviceError(f"{device} went away.")
        raise InputError(f"{device} measured.")

    def check(device: str, _python: str | None) -> object:
        return DeviceCheck(device, device in left, (f"{device} is off",), runtime="ai_edge_litert")

    monkeypatch.setattr(devices_module, "bench", bench)
    monkeypatch.setattr(devices_module, "check_device", check)
    what = dataclasses.replace(WHAT, devices=("ssh://a", "ssh://b"), at_once=2, trials=10)
    with pytest.raises(DeviceError, match=r"went away.*what is done is kept"):
        sweep(what, tmp_path, runner=quick)
    assert sorted(set(used)) == ["ssh://a", "ssh://b"]
    assert len(used) == 8  # three each, and one each that failed
    # The command goes on when there is a device again: here, this machine.
    again = sweep(dataclasses.replace(what, devices=("local",)), tmp_path, runner=quick)
    assert len(again.trials) == 10
    assert sum(bool(one.error) for one in again.trials) == 6


def test_an_interrupt_is_no_result_of_a_trial_that_waits_for_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from device_runners.discovery import DeviceCheck
    from edgeprune.sweep import devices as devices_module

    def bench(*_: object) -> object:
        time.sleep(5)  # while another trial waits for the device
        raise InputError("Measured.")

    def interrupt(now: SweepStatus) -> None:
        if sum(one.stage == "device" for one in now.running) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(devices_module, "bench", bench)
    here = DeviceCheck("ssh://a", True, runtime="one")
    monkeypatch.setattr(devices_module, "check_device", lambda *_: here)
    what = dataclasses.replace(FEW, devices=("ssh://a",), at_once=2)
    with pytest.raises(KeyboardInterrupt):
        sweep(what, tmp_path, runner=quick, show=interrupt)
    again = sweep(dataclasses.replace(what, devices=("local",)), tmp_path, runner=quick)
    assert {one.error for one in again.trials} == {"", "Measured."}


def test_noise_is_no_reason_to_be_on_the_front() -> None:
    def done(number: int, **figures: float) -> TrialResult:
        return TrialResult(number, {}, {"accuracy": 0.9, **figures})

    small = done(0, size=10, latency=2.00, memory=48.6e6)
    large = done(1, size=20, latency=1.99, memory=48.5e6)
    fast = done(2, size=20, latency=1.50, memory=48.6e6)
    names = ("accuracy", "size", "latency", "memory")
    assert [one.optimal for one in mark_front(names, [small, large, fast])] == [True, False, True]


def test_without_the_extra_the_error_names_the_install_line(tmp_path: Path) -> None:
    for missing in ({"optuna": None, "sqlalchemy": None}, {"ray": None}):
        code = (
            f"import sys; sys.modules.update({missing})\n"
            "from edgeprune.sweep import Sweep, sweep\nsweep(Sweep(ray='auto'), sys.argv[1])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "out")], capture_output=True, text=True, check=False
        )
        assert install_command("search") in done.stderr
    assert not (tmp_path / "out").exists()


def driver(folder: Path, at_once: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(at_once)], cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def started(marks: Path) -> int:
    return len(list(marks.glob("*"))) if marks.is_dir() else 0


def wait_until(marks: Path, number: int) -> None:
    end = time.monotonic() + 120
    while started(marks) < number:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MARKS, str(tmp_path / "marks"))
    return tmp_path / "marks"


def test_threads_that_take_from_the_queue_at_once_take_different_trials(tmp_path: Path, marks: Path) -> None:
    """Optuna's SQLite storage lets two take the same one (optuna/optuna#4002); ours does not."""
    found = sweep(dataclasses.replace(WHAT, at_once=6, trials=18), tmp_path / "out", runner=quick)
    assert len(found.trials) == 18
    assert sorted(int(path.name.partition("-")[0]) for path in marks.iterdir()) == list(range(18))


@pytest.mark.heavy
def test_two_drivers_share_a_sweep_and_one_is_killed(tmp_path: Path, marks: Path) -> None:
    first = driver(tmp_path / "out", 1)
    wait_until(marks, 1)
    second = driver(tmp_path / "out", 1)
    wait_until(marks, 8)
    first.kill()
    first.wait()
    assert second.wait(120) == 0
    assert started(marks) <= 25  # only what was under way ran twice
    assert front_of(tmp_path / "out") == brute_force_front()


@pytest.mark.heavy
def test_a_killed_driver_is_started_again(tmp_path: Path, marks: Path) -> None:
    first = driver(tmp_path / "out", 2)
    wait_until(marks, 6)
    first.kill()
    first.wait()
    done = sweep(WHAT, tmp_path / "out", runner=quick)
    assert len(done.trials) == 24
    assert 24 <= started(marks) <= 26
    assert front_of(tmp_path / "out") == brute_force_front()


def test_the_json_and_the_page_say_the_same(tmp_path: Path) -> None:
    from edgeprune.sweep.front import read_front
    from edgeprune.sweep.front_page import write_front

    front = sweep(FEW, tmp_path, runner=quick)
    written = write_front(front, tmp_path)
    read = json.loads(written["front.json"].read_text())
    best = [one for one in read["trials"] if one["optimal"]]
    assert {one["slot"] for one in best} == {one.number for one in front.optimal}
    page = Page(written["front.html"].read_text())
    tables = [text for _, text in page.all("table")]
    assert all(f"prune={one['settings']['prune']}" in tables[0] for one in best)
    assert not page.all("script")
    assert read_front(written["front.json"]) == front
    assert len(page.all("svg")) == 1  # accuracy against size


def test_what_a_sweep_sets_for_the_process_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import warnings

    import optuna

    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    verbosity = optuna.logging.get_verbosity()
    sweep(dataclasses.replace(WHAT, trials=1), tmp_path, runner=quick)
    with optional_packages.quiet_packages(ray=True):
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    assert "RAY_USAGE_STATS_ENABLED" not in os.environ
    assert optuna.exceptions.ExperimentalWarning not in {entry[2] for entry in warnings.filters}
    assert optuna.logging.get_verbosity() == verbosity
