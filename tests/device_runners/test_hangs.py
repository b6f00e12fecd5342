"""A device that freezes at any step: an end within the limit and 5 s, the right exit code, nothing left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.device_runners.testbeds.beds import Bed, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_S, SLACK_S = 4.0, 5.0
START_S = 5.0  # of Python here, and of the steps before the one that freezes
CODE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job is started with it ignored
from device_runners import BenchOptions, bench
from edgeprune.errors import EdgepruneError
print("began", flush=True)
try:
    limit_s = float(sys.argv[3])
    bench(sys.argv[1], sys.argv[2], BenchOptions(python=sys.executable, min_time_s=60, time_limit_s=limit_s))
except EdgepruneError as error:
    print(error)
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
"""


@contextlib.contextmanager
def benching(model: Path, device: str, limit_s: float = LIMIT_S) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(model), device, str(limit_s)], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pid_in(cache: Path, name: str) -> int:
    texts = [path.read_text().strip() for path in cache.glob(f"run.*/{name}.pid")]
    return int(texts[0]) if texts and texts[0] else 0


def holder_in(folder: Path) -> int:
    lock = folder / "edgeprune.lock" / "holder"
    words = lock.read_text().split() if lock.exists() else []
    return int(words[0]) if words else 0


def freeze(find: Callable[[], int]) -> int:
    """Stop the process as soon as it is there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if pid := find():
                os.kill(pid, signal.SIGSTOP)
                return pid
        time.sleep(0.005)
    pytest.fail("there was nothing to freeze")


def ends(process: subprocess.Popen[str], seconds: float) -> tuple[int, str]:
    started = time.monotonic()
    printed, _ = process.communicate(timeout=40)
    assert time.monotonic() - started < seconds
    return process.returncode, printed


@pytest.fixture
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # not for ssh: the path of its socket would be too long
    return tmp_path


def assert_ends_in_time(process: subprocess.Popen[str], pid: int, limit_s: float) -> None:
    code, printed = ends(process, limit_s + SLACK_S + START_S)
    assert code == 3
    assert "did not answer" in printed or "lost" in printed or "time limit" in printed
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of what was frozen")


@pytest.mark.usefixtures("own_lock")
@pytest.mark.parametrize("frozen", [
    "command", *(pytest.param(name, marks=pytest.mark.heavy) for name in ("shell", "report")),
])
def test_a_frozen_process_here(frozen: str, slow_model: Path, own_cache: Path) -> None:
    limit_s = 2.0
    with benching(slow_model, "local", limit_s) as process:
        pid = freeze(lambda: pid_in(own_cache, frozen))
        assert_ends_in_time(process, pid, limit_s)
    assert not list(own_cache.glob("run.*"))


@pytest.fixture
def another_run(own_cache: Path) -> Iterator[Path]:
    """A run that seems alive; who asks for its boot waits for ever. A lock holder asks before it is ready."""
    folder = own_cache / f"run.{os.getpid()}"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "boot")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.heavy
def test_a_frozen_lock_holder_here(
    slow_model: Path, own_cache: Path, own_lock: Path, another_run: Path
) -> None:
    limit_s = 1.0
    with benching(slow_model, "local", limit_s) as process:
        pid = freeze(lambda: holder_in(own_lock))
        assert_ends_in_time(process, pid, limit_s)
    assert list(own_cache.glob("run.*")) == [another_run]


@pytest.mark.heavy
def test_a_lock_holder_that_slept_cleans_up(slow_model: Path, own_cache: Path, own_lock: Path) -> None:
    """Frozen once it was ready, it is woken at the end: the run counts, and nothing of it stays."""
    with benching(slow_model, "local", 1.0) as process:
        wait_for(lambda: pid_in(own_cache, "command"), "the run")
        pid = freeze(lambda: holder_in(own_lock))
        code, printed = ends(process, 1.0 + SLACK_S + START_S)
    assert code == 0, printed
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of what was frozen")
    assert not list(own_cache.glob("run.*"))
    assert not (own_lock / "edgeprune.lock").exists()


@pytest.mark.usefixtures("own_lock")
def test_the_first_ctrl_c_ends_a_frozen_run(slow_model: Path, own_cache: Path) -> None:
    with benching(slow_model, "local", 300) as process:
        pid = freeze(lambda: pid_in(own_cache, "command"))
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        code, _ = ends(process, 5)
    assert code == 130
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of what was frozen")


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    direct = [int(word) for word in found.split()]
    return direct + [deeper for child in direct for deeper in children(child)]


@pytest.fixture
def thawed() -> Iterator[list[int]]:
    """Processes of the device that the test stops; they go on afterwards, so that the bed can end."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def sshd_child(bed: Bed) -> int:
    """The server's process for our connection."""
    server = int((bed.state / "sshd.pid").read_text())
    direct = subprocess.run(["pgrep", "-P", str(server)], capture_output=True, text=True, check=False).stdout
    return int(direct.split()[0]) if direct.split() else 0


@pytest.mark.heavy
@pytest.mark.alone
@pytest.mark.xdist_group("devices")
@pytest.mark.parametrize("frozen", ["command", "shell", "report", "sshd early", "sshd in the run"])
def test_a_frozen_process_over_ssh(frozen: str, here: Bed, slow_model: Path, thawed: list[int]) -> None:
    with benching(slow_model, here.device) as process:
        if frozen == "sshd in the run":
            wait_for(lambda: pid_in(here.cache, "command"), "the run")
        of_server = frozen.startswith("sshd")
        thawed.append(freeze(lambda: sshd_child(here) if of_server else pid_in(here.cache, frozen)))
        code, printed = ends(process, LIMIT_S + SLACK_S + START_S)
    assert code == 3
    assert "did not answer" in printed or "lost" in printed or "time limit" in printed
    assert not orphans(here)


@pytest.mark.heavy
@pytest.mark.alone
@pytest.mark.xdist_group("devices")
@pytest.mark.parametrize("frozen", ["agent", "sshd"])
def test_ctrl_c_over_ssh(frozen: str, here: Bed, slow_model: Path, thawed: list[int]) -> None:
    with benching(slow_model, here.device, 300) as process:
        wait_for(lambda: pid_in(here.cache, "command"), "the run")
        find = (lambda: sshd_child(here)) if frozen == "sshd" else (lambda: pid_in(here.cache, "command"))
        thawed.append(freeze(find))
        process.send_signal(signal.SIGINT)
        code, _ = ends(process, 6)
    assert code == 130
    assert not orphans(here)


def orphans(bed: Bed) -> str:
    """Our ssh clients that are still there."""
    command = ["pgrep", "-f", f"^/usr/bin/ssh -F {bed.state}/config"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.usefixtures("own_lock")
def test_endless_output_is_cut_off() -> None:
    import resource

    from device_runners.session import Session
    from device_runners.transports import open_transport
    from edgeprune.errors import DeviceError

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Session(open_transport("local"), 30) as session:
        with pytest.raises(DeviceError, match="sent more than 4 MB"):
            session.shell("yes")
        assert session.shell("yes | head -c 9000000 >&2; echo fine").stdout == b"fine\n"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kB
    assert threading.active_count() < 50
