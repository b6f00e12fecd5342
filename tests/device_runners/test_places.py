"""Paths of a Python, homes with spaces, full disks under the lock, and how long a lock is waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from device_runners import BenchOptions, bench
from device_runners.discovery import check_devices
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.errors import DeviceError

if TYPE_CHECKING:
    from pathlib import Path

QUICK = {"runs": 5, "warmup": 1, "min_time_s": 0.02, "time_limit_s": 60}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a space in its name, a Python below it, and nothing else set."""
    folder = tmp_path / "my home"
    (folder / "venv").mkdir(parents=True)
    program = folder / "venv" / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    (folder / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("python", [
    "~/venv/python", *(pytest.param(one, marks=pytest.mark.heavy) for one in ("venv/python", "./venv/python"))
])
def test_a_python_by_its_path_and_a_home_with_a_space(python: str, home: Path, bundle: Path) -> None:
    assert bench(bundle, "local", BenchOptions(python=python, **QUICK)).samples == 40
    assert (home / ".cache" / "edgeprune" / "files").is_dir()


@pytest.mark.heavy
def test_devices_finds_it_too(home: Path) -> None:
    assert home.is_dir()
    for python, ready in (("~/venv/python", True), ("venv/python", True), ("~/elsewhere/python", False)):
        (check,) = check_devices(["local"], python)
        assert check.ready is ready, check.problems


def test_seconds_of_waiting_for_a_lock_are_told(home: Path) -> None:
    told: list[tuple[str, int]] = []
    with Session(open_transport("local"), 60, 20):
        waiting = Session(open_transport("local"), 60, 2.2, lambda *one: told.append(one))
        with pytest.raises(DeviceError, match="is busy"), waiting:
            pass
    assert {device for device, _ in told} == {"local"}
    assert {seconds for _, seconds in told} >= {1, 2}
    assert home.is_dir()


@pytest.mark.heavy
def test_a_terminal_counts_the_seconds(home: Path, bundle: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    with Session(open_transport("local"), 60, 20):
        process = subprocess.Popen(
            [sys.executable, "-m", "edgeprune", "bench", bundle], stderr=follower, stdout=subprocess.DEVNULL,
        )
        os.close(follower)
        seen = b""
        while b"waited 3 s" not in seen:
            seen += os.read(leader, 1000)
    assert b"local is busy with another run; waited 2 s" in seen
    assert process.wait(120) == 0
    os.close(leader)
    assert home.is_dir()


@pytest.mark.heavy
def test_a_lock_that_cannot_be_made_is_not_called_busy(home: Path) -> None:
    full = home / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs", full], check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(full))
            with pytest.raises(DeviceError, match=r"cannot make its lock.*[Ss]pace"):
                Session(open_transport("local"), 60, 20).__enter__()
    finally:
        subprocess.run(["umount", full], check=True)
