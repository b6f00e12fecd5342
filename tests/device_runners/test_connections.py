"""Connections that fail or are cut, over real ssh and adb."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from device_runners import BenchOptions, bench
from edgeprune.bundle import write_bundle
from edgeprune.errors import DeviceError
from tests.bundle.samples import MANIFEST, files
from tests.device_runners.cut_proxy import CutProxy
from tests.device_runners.testbeds.beds import Bed, wait_for, write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("devices")]

QUICK = BenchOptions(min_time_s=0.2, runs=10, time_limit_s=200, python=sys.executable, lock_wait_s=20)


@pytest.fixture
def behind_proxy(here: Bed) -> Iterator[list[CutProxy]]:
    """Sends `here` through a proxy that the test puts into the list; its config is restored afterwards."""
    config = here.state / "config"
    before = config.read_text(), (here.state / "known_hosts").read_text()
    proxies: list[CutProxy] = []
    yield proxies
    for proxy in proxies:
        proxy.close()
    config.write_text(before[0])
    (here.state / "known_hosts").write_text(before[1])


def go_through(
    bed: Bed,
    proxies: list[CutProxy],
    cut_after_bytes: int | None = None,
    cut_when: Callable[[], bool] | None = None,
) -> CutProxy:
    match = re.search(r"Port (\d+)", (bed.state / "sshd_config").read_text())
    assert match
    proxies.append(CutProxy(int(match.group(1)), cut_after_bytes, cut_when))
    write_config(bed.state, "here", proxies[-1].port, "root")
    return proxies[-1]


def gone(bed: Bed) -> None:
    wait_for(lambda: not bed.leftovers(), "cleaning up on the device", 20)


def test_cut_in_the_upload_then_resumed(here: Bed, behind_proxy: list[CutProxy], tmp_path: Path) -> None:
    size = 16 << 20
    big = write_bundle(tmp_path / "big", MANIFEST, files(os.urandom(size)))
    digest = big.manifest.files["model.tflite"].sha256
    part = here.cache / "files" / f"{digest}.part"
    go_through(here, behind_proxy, cut_when=lambda: part.exists() and part.stat().st_size > 1 << 20)
    with pytest.raises(DeviceError, match=r"lost"):
        bench(big, here.device, QUICK)
    gone(here)
    sent = part.stat().st_size
    assert 1 << 20 < sent < size
    # Too little to start over: this only works by going on.
    go_through(here, behind_proxy, cut_after_bytes=size - sent + 500_000)
    with pytest.raises(
        DeviceError, match=r"rejects the model|crashed"
    ):  # it is no model; but it arrived whole
        bench(big, here.device, QUICK)
    assert (here.cache / "files" / digest).stat().st_size == size
    gone(here)


def run_pid(bed: Bed) -> int | None:
    found = list(bed.cache.glob("run.*/command.pid"))
    text = found[0].read_text().strip() if found else ""
    return int(text) if text else None


def test_cut_in_the_run(here: Bed, behind_proxy: list[CutProxy], slow_model: Path) -> None:
    proxy = go_through(here, behind_proxy)
    pids: list[int] = []

    def cut() -> None:
        wait_for(lambda: run_pid(here), "the run's start")
        pids.append(run_pid(here) or 0)
        time.sleep(0.5)
        proxy.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(DeviceError, match=r"failed or was lost|was lost"):
        bench(slow_model, here.device, dataclasses.replace(QUICK, min_time_s=60))
    thread.join()
    gone(here)
    wait_for(lambda: not Path(f"/proc/{pids[0]}").exists(), "the end of the agent")


@contextlib.contextmanager
def small_disk(bed: Bed) -> Iterator[None]:
    """The device has 200 kB left where uploads go."""
    inside = ["nsenter", "-t", str(bed.pid), "-m"]
    bed.cache.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k,mode=777", "tmpfs", bed.cache]
    subprocess.run([*inside, *mount], check=True)
    try:
        yield
    finally:
        subprocess.run([*inside, "umount", bed.cache], check=True)


@pytest.mark.parametrize("kind", ["here", "droid"])
def test_disk_full_over_ssh_and_adb(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    bed: Bed = request.getfixturevalue(kind)
    big = write_bundle(tmp_path / "big", MANIFEST, files(os.urandom(4 << 20)))
    with small_disk(bed):
        with pytest.raises(DeviceError, match=r"no space left.*Free some below"):
            bench(big, bed.device, QUICK)
        seen = subprocess.run(
            ["nsenter", "-t", str(bed.pid), "-m", "find", bed.cache, "-type", "f"],
            check=True, capture_output=True, text=True,
        )
        assert ".part" not in seen.stdout
        assert "/run." not in seen.stdout
    gone(bed)


def test_adb_cut_in_the_upload_then_resumed(droid: Bed, tmp_path: Path) -> None:
    size = 64 << 20
    big = write_bundle(tmp_path / "big", MANIFEST, files(os.urandom(size)))
    digest = big.manifest.files["model.tflite"].sha256
    part = droid.cache / "files" / f"{digest}.part"

    def cut() -> None:
        wait_for(lambda: part.exists() and part.stat().st_size > 1 << 20, "the upload", 60)
        subprocess.run(["adb", "disconnect", "127.0.0.1:5599"], check=True, capture_output=True)

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(DeviceError, match="lost"):
        bench(big, droid.device, QUICK)
    thread.join()
    gone(droid)
    assert 1 << 20 < part.stat().st_size < size
    inode = part.stat().st_ino
    with pytest.raises(DeviceError):  # it is no model, and there is no Python; but it arrived whole
        bench(big, droid.device, QUICK)
    arrived = droid.cache / "files" / digest
    assert arrived.stat().st_size == size
    assert arrived.stat().st_ino == inode
    arrived.unlink()
    gone(droid)


def test_ctrl_c_over_ssh(pi64: Bed, slow_model: Path) -> None:
    code = (
        # A background job of a shell is started with SIGINT ignored.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from device_runners import bench, BenchOptions\n"
        "try: bench(sys.argv[1], sys.argv[2], BenchOptions(min_time_s=60, time_limit_s=300))\n"
        "except KeyboardInterrupt: sys.exit(130)"
    )
    left_over = run_pid(pi64)  # of a run that was killed
    process = subprocess.Popen([sys.executable, "-c", code, slow_model, pi64.device], start_new_session=True)
    wait_for(lambda: run_pid(pi64) not in (None, left_over), "the run's start", 60)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    gone(pi64)


def test_an_unknown_host_key(here: Bed, behind_proxy: list[CutProxy], bundle: Path) -> None:
    go_through(here, behind_proxy)
    (here.state / "known_hosts").write_text("")
    with pytest.raises(DeviceError, match=r"host key is unknown.*ssh here"):
        bench(bundle, here.device, QUICK)


def test_a_changed_host_key(here: Bed, behind_proxy: list[CutProxy], bundle: Path) -> None:
    go_through(here, behind_proxy)
    known = here.state / "known_hosts"
    other = (here.state / "id.pub").read_text().split()[1]
    known.write_text(f"{known.read_text().split()[0]} ssh-ed25519 {other}\n")
    with pytest.raises(DeviceError, match=r"host key is not the known one.*ssh-keygen -R"):
        bench(bundle, here.device, QUICK)


def test_a_key_that_is_not_accepted(here: Bed, bundle: Path) -> None:
    allowed = here.state / "authorized_keys"
    before = allowed.read_text()
    allowed.write_text("")
    try:
        with pytest.raises(DeviceError, match=r"does not accept this user's key.*ssh-copy-id"):
            bench(bundle, here.device, QUICK)
    finally:
        allowed.write_text(before)


def test_no_server(bundle: Path) -> None:
    with pytest.raises(DeviceError, match="no ssh server answers"):
        bench(bundle, "ssh://pi@127.0.0.1:9", QUICK)


def test_a_rejected_model_over_ssh(pi64: Bed) -> None:
    model = Path(__file__).parents[2].parent / "shared/models/person_detect.tflite"
    if not model.exists():
        pytest.skip("the shared models are not here")
    with pytest.raises(DeviceError, match="ssh://pi64: The runtime rejects the model"):
        bench(model, pi64.device, dataclasses.replace(QUICK, python=None))
    gone(pi64)


def test_a_crash_over_ssh_and_adb(pi64: Bed, droid: Bed, bundle: Path) -> None:
    for bed, shell in ((pi64, "/bin/sh"), (droid, "/system/bin/sh")):
        crash = bed.root / "tmp/crash"
        crash.write_text(f"#!{shell}\nkill -SEGV $$\n")
        crash.chmod(0o755)
        with pytest.raises(DeviceError, match="crashed with SIGSEGV"):
            bench(bundle, bed.device, dataclasses.replace(QUICK, python="/tmp/crash"))  # noqa: S108
        gone(bed)


def test_a_library_of_another_architecture(pi64: Bed, bundle: Path) -> None:
    from device_runners.native.runner import build_program, find_library

    options = dataclasses.replace(
        QUICK,
        runner="native",
        native_runner=build_program("aarch64-linux-gnu-gcc"),
        library=find_library(QUICK, os.uname().machine),
    )
    with pytest.raises(DeviceError, match=r"library does not load.*built for this device"):
        bench(bundle, pi64.device, options)
    gone(pi64)


def test_adb_without_python_says_what_to_do(droid: Bed, bundle: Path) -> None:
    with pytest.raises(DeviceError, match=r"has no python3 that runs"):
        bench(bundle, droid.device, dataclasses.replace(QUICK, python=None))
    gone(droid)


def test_adb_cut_in_the_run(droid: Bed, bundle: Path) -> None:
    hang = droid.root / "tmp/hang"
    hang.write_text("#!/system/bin/sh\nsleep 100\n")
    hang.chmod(0o755)

    def cut() -> None:
        wait_for(lambda: run_pid(droid), "the run's start", 60)
        time.sleep(0.3)
        subprocess.run(["adb", "disconnect", "127.0.0.1:5599"], check=True, capture_output=True)

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(DeviceError, match="lost"):
        bench(bundle, droid.device, dataclasses.replace(QUICK, python="/tmp/hang"))  # noqa: S108
    thread.join()
    gone(droid)
