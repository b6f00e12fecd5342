"""Systems without Linux' /proc and sha256sum, as a Mac is one: this machine with both hidden."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from device_runners import BenchOptions, bench, scripts
from device_runners.agent import facts
from edgeprune.errors import DeviceError

BUNDLE = Path(__file__).parent / "golden" / "bundle_v1"
QUICK = {"runs": 1, "min_time_s": 0.01, "lock_wait_s": 2}
SCRIPTS = ("HOLD_LOCK", "STATUS", "STORE", "PLACE", "START", "PROBE")


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A PATH of its own without sha256sum, and scripts that find no /proc."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            if program.name != "sha256sum":
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    for name in SCRIPTS:
        monkeypatch.setattr(scripts, name, getattr(scripts, name).replace("/proc/", "/no-proc/"))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def needs(programs: Path, *names: str) -> None:
    for name in names:
        if not (programs / name).exists():
            pytest.skip(f"there is no {name} here")


@pytest.mark.heavy
def test_a_bundle_is_measured(programs):
    needs(programs, "shasum", "ps")
    assert shutil.which("sha256sum") is None
    record = bench(BUNDLE, "local", BenchOptions(**QUICK))
    assert record.samples == 40
    assert record.latency.p50_ms > 0


@pytest.mark.heavy
def test_without_any_hash_it_is_said_what_is_missing(programs):
    (programs / "shasum").unlink(missing_ok=True)
    with pytest.raises(DeviceError, match="no sha256sum or shasum"):
        bench(BUNDLE, "local", BenchOptions(**QUICK))


def lock_holder(root: Path, tries: int = 3) -> subprocess.Popen[bytes]:
    line = scripts.lock_holder_command(str(root), str(tries), "30")
    pipe = subprocess.PIPE
    return subprocess.Popen(["sh", "-c", line], stdin=pipe, stdout=pipe, stderr=pipe)


def until_ready(process: subprocess.Popen[bytes]) -> bytes:
    printed = b""
    timer = threading.Timer(30, process.kill)
    timer.start()
    while scripts.ready(printed) is None and (line := process.stdout.readline()):
        printed += line
    timer.cancel()
    return printed


@pytest.mark.heavy
def test_a_run_that_lives_keeps_its_lock_and_its_folder(programs, tmp_path):
    """Without /proc every process once looked dead: a second run broke the lock of the first."""
    needs(programs, "ps", "shasum")
    root = tmp_path / "root"
    first = lock_holder(root)
    try:
        folder, _ = scripts.ready(until_ready(first))
        second = lock_holder(root)
        _, told = second.communicate(timeout=30)
        assert second.returncode == 75
        assert str(first.pid).encode() in told
        assert Path(folder).is_dir()
    finally:
        first.communicate(timeout=30)
    third = lock_holder(root)  # what is over is nobody's lock
    assert scripts.ready(until_ready(third)) is not None
    third.communicate(timeout=30)


@pytest.mark.heavy
def test_a_run_that_died_leaves_no_lock(programs, tmp_path):
    needs(programs, "ps", "shasum")
    root = tmp_path / "root"
    first = lock_holder(root)
    folder, _ = scripts.ready(until_ready(first))
    first.kill()
    first.communicate(timeout=30)
    second = lock_holder(root, 30)
    assert scripts.ready(until_ready(second)) is not None
    assert not Path(folder).exists()
    second.communicate(timeout=30)


# Every module but those of TensorFlow's packages, and what a Mac's developer does with a bundle.
WITHOUT_LINUX = """
import importlib, os, pkgutil, sys
import urllib.request  # a Mac's asks the system for proxies
sys.platform = "darwin"
for missing in ("fcntl", "tensorflow", "keras", "tf_keras"):
    sys.modules[missing] = None
for name in ("sched_getaffinity", "sched_setaffinity", "memfd_create", "pidfd_open", "sendfile", "splice"):
    if hasattr(os, name):
        delattr(os, name)
import edgeprune, device_runners
left_out = ("keras_bridge", "training", "conversion", "models", "__main__", "status_board", "sweep")
for package in (edgeprune, device_runners):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not any(word in module.name.split(".") for word in left_out):
            importlib.import_module(module.name)
bundle = edgeprune.read_bundle(sys.argv[1])
assert edgeprune.check(bundle, max_size="2MB").passed
edgeprune.export(bundle, cmake=sys.argv[2], name="digits")
"""


@pytest.mark.heavy
def test_nothing_of_the_host_part_needs_what_only_linux_has(tmp_path):
    command = [sys.executable, "-c", WITHOUT_LINUX, str(BUNDLE), str(tmp_path / "export")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("system", "unit"), [("darwin", 1), ("freebsd14", 1024)])
def test_peak_memory_without_proc_has_the_system_s_unit(system, unit, monkeypatch):
    monkeypatch.setattr(facts, "status_bytes", lambda *_: None)
    monkeypatch.setattr(sys, "platform", system)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert before <= facts.peak_bytes() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_peak_memory_is_what_linux_shows():
    shown = facts.status_bytes("VmHWM")
    if shown is None:
        pytest.skip("this system has no /proc/self/status")
    assert facts.peak_bytes() >= shown
    assert facts.peak_bytes() < 1.5 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
