"""Start and stop the test beds."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tools import lacking, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
ROOTS = Path(os.environ.get("EDGEPRUNE_TESTBEDS", "/var/tmp/edgeprune-testbeds"))  # noqa: S108
_PROGRAMS = ("qemu-aarch64-static", "mmdebstrap", "sshd", "ssh", "adb", "ip", "unshare")


@dataclasses.dataclass(frozen=True)
class Bed:
    """A running device.

    Attributes:
        device: its name for `bench`.
        root: of its file system, as this machine sees it.
        cache: edgeprune's folder on it, as this machine sees it.
        state: keys, config and logs.
        pid: of its server.
    """

    device: str
    root: Path
    cache: Path
    state: Path
    pid: int

    def leftovers(self) -> list[str]:
        """What a run left behind, the upload cache apart."""
        runs = [str(path) for path in self.cache.glob("run.*")]
        return runs + [
            str(lock) for lock in (self.root / "tmp/edgeprune.lock", self.cache / "lock") if lock.exists()
        ]


def need(*programs: str) -> None:
    """Skip unless this is root with these programs."""
    if os.geteuid() != 0:
        lacking("root", "the test beds mount and emulate")
    need_programs(*programs, hint="tests/device_runners/testbeds/install.sh installs it")


def build_roots() -> Path:
    """Make the roots if they are not there."""
    need(*_PROGRAMS)
    made = subprocess.run(
        ["bash", HERE / "build.sh", ROOTS, sys.executable], capture_output=True, text=True, check=False
    )
    if made.returncode:
        lacking("the test beds", f"they could not be built: {made.stderr[-2000:]}")
    return ROOTS


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen in {seconds} s")
        time.sleep(0.05)


@contextlib.contextmanager
def ssh_bed(name: str, state: Path, root: Path | None, cpu: str = "") -> Iterator[Bed]:
    """An sshd, and an `ssh` in front of the PATH that knows it under `name`."""
    port = free_port()
    arguments = [str(root), cpu] if root else []
    with (state.parent / f"{name}.out").open("wb") as out:
        server = subprocess.Popen(
            ["bash", HERE / "sshd.sh", state, str(port), *arguments],
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for(lambda: (state / "sshd.pid").exists() and (state / "sshd.pid").read_text().strip(), "sshd")
        write_config(state, name, port, "pi" if root else "root")
        at = root or Path("/")
        cache = at / (
            "home/pi/.cache/edgeprune" if root else Path.home().relative_to("/") / ".cache/edgeprune"
        )
        yield Bed(f"ssh://{name}", at, cache, state, server.pid)
    finally:
        stop(server)


def write_config(state: Path, name: str, port: int, user: str, known: str = "known_hosts") -> None:
    """Client config and a wrapper `ssh` that uses it, in STATE/bin."""
    key = (state / "hostkey.pub").read_text().split()[:2]
    (state / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(key)}\n")
    (state / "config").write_text(
        f"Host {name}\n HostName 127.0.0.1\n Port {port}\n User {user}\n IdentityFile {state}/id\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {state}/{known}\n GlobalKnownHostsFile /dev/null\n"
    )
    (state / "bin").mkdir(exist_ok=True)
    wrapper = state / "bin" / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {state}/config "$@"\n')
    wrapper.chmod(0o755)


@contextlib.contextmanager
def adb_bed(state: Path, root: Path) -> Iterator[Bed]:
    """An adbd in a network namespace, and an adb server beside it that clients reach by a socket file."""
    namespace, serial = f"edgeprune{os.getpid()}", "127.0.0.1:5599"
    socket_name = f"localfilesystem:{state}/adb.sock"
    state.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "HOME": str(state), "ADB_SERVER_SOCKET": socket_name}
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: object) -> None:
        with (state / "log").open("ab") as log:
            started.append(
                subprocess.Popen(
                    [str(part) for part in command],
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            )

    try:
        start("bash", HERE / "adbd.sh", root, namespace, "5599")
        wait_for(lambda: _listens(namespace, 5599), "adbd")
        start("ip", "netns", "exec", namespace, shutil.which("adb"), "-L", socket_name, "server", "nodaemon")
        wait_for((state / "adb.sock").exists, "the adb server")
        os.environ["ADB_SERVER_SOCKET"] = socket_name
        yield Bed(f"adb://{serial}", root, root / "data/local/tmp/edgeprune", state, started[0].pid)
    finally:
        os.environ.pop("ADB_SERVER_SOCKET", None)
        for process in reversed(started):
            stop(process)
        subprocess.run(["ip", "netns", "del", namespace], check=False)


def _listens(namespace: str, port: int) -> bool:
    shown = subprocess.run(
        ["ip", "netns", "exec", namespace, "ss", "-ltn"], capture_output=True, text=True, check=False
    )
    return f":{port} " in shown.stdout


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server with everything it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
