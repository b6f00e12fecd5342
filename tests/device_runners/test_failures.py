"""What can go wrong on this machine: a clear error, and nothing left behind."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from device_runners import BenchOptions, bench, bench_devices
from device_runners.native import runner
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_record import RunRecord
from tests.device_runners.testbeds.beds import wait_for

pytestmark = pytest.mark.usefixtures("own_lock", "nothing_left")
QUICK = BenchOptions(min_time_s=0.05, runs=10, time_limit_s=60, lock_wait_s=20)
SHARED_MODELS = Path(__file__).parents[2].parent / "shared" / "models"

FAKE_RUNTIME = """
import os, signal, time
class OpResolverType: AUTO = BUILTIN_WITHOUT_DEFAULT_DELEGATES = 0
class Interpreter:
    def __init__(self, **options): pass
    def allocate_tensors(self): pass
    def get_input_details(self): return []
    get_output_details = get_input_details
    def invoke(self): {action}
"""


def python_with(tmp_path: Path, *, numpy: bool = True, action: str | None = None) -> str:
    """A Python without site-packages; with numpy, and with a runtime whose `invoke` does `action`."""
    packages = tmp_path / "packages"
    packages.mkdir()
    if numpy:
        for path in Path(np.__file__).parents[1].glob("numpy*"):
            (packages / path.name).symlink_to(path)
    if action:
        (packages / "ai_edge_litert").mkdir()
        (packages / "ai_edge_litert" / "__init__.py").touch()
        (packages / "ai_edge_litert" / "interpreter.py").write_text(FAKE_RUNTIME.format(action=action))
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH={packages} exec {sys.executable} -S "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def test_no_numpy(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"numpy does not load.*pip install numpy"):
        bench(bundle, "local", dataclasses.replace(QUICK, python=python_with(tmp_path, numpy=False)))


def test_no_runtime(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"No TFLite runtime loads .*none is installed.*pip install"):
        bench(bundle, "local", dataclasses.replace(QUICK, python=python_with(tmp_path)))


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGILL"])
def test_a_crash_of_the_runtime(bundle: Path, tmp_path: Path, name: str) -> None:
    python = python_with(tmp_path, action=f"os.kill(os.getpid(), signal.{name})")
    with pytest.raises(DeviceError, match=f"crashed with {name} while running the model"):
        bench(bundle, "local", dataclasses.replace(QUICK, python=python))


def test_a_hang_of_the_runtime_ends_at_the_limit(bundle: Path, tmp_path: Path) -> None:
    python = python_with(tmp_path, action="signal.pthread_sigmask(signal.SIG_BLOCK, [2]); time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(DeviceError, match="time limit of 2 s, while running the model"):
        bench(bundle, "local", dataclasses.replace(QUICK, python=python, time_limit_s=2))
    assert time.monotonic() - started < 30


def test_no_python(bundle: Path) -> None:
    with pytest.raises(DeviceError, match="has no /no/such/python that runs"):
        bench(bundle, "local", dataclasses.replace(QUICK, python="/no/such/python"))


@pytest.mark.parametrize("kind", ["python", "native"])
def test_a_model_that_the_interpreter_rejects(kind: str) -> None:
    model = SHARED_MODELS / "person_detect.tflite"
    if not model.exists():
        pytest.skip("the shared models are not here")
    with pytest.raises((DeviceError, InputError), match=r"rejects the model.*quantized_dimension"):
        bench(model, "local", dataclasses.replace(QUICK, runner=kind))


def test_a_native_runner_of_another_machine(bundle: Path, tmp_path: Path) -> None:
    program = tmp_path / "edgeprune_runner"
    header = bytearray(Path(sys.executable).resolve().read_bytes()[:4096])
    header[18] = 8  # e_machine: MIPS
    program.write_bytes(header)
    library = tmp_path / "lib.so"
    library.write_bytes(b"x")
    options = dataclasses.replace(QUICK, runner="native", native_runner=program, library=library)
    with pytest.raises(DeviceError, match=r"no runner for .* that runs"):
        bench(bundle, "local", options)


def test_a_runner_must_be_built_for_other_machines() -> None:
    with pytest.raises(InputError, match=r"No native runner is there for riscv64.*cmake -S"):
        runner.find_program(QUICK, "riscv64")
    with pytest.raises(InputError, match=r"No TFLite library is there for riscv64.*AAR"):
        runner.find_library(QUICK, "riscv64")


def test_a_corrupted_bundle_is_refused_before_the_device_is_touched(bundle: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "bundle"
    shutil.copytree(bundle, damaged)
    content = bytearray((damaged / "model.tflite").read_bytes())
    content[1000] ^= 1
    (damaged / "model.tflite").write_bytes(content)
    with pytest.raises(InputError, match="corrupted"):
        bench(damaged, "ssh://no.such.host.invalid", QUICK)


def test_the_agent_checks_the_bundle_itself(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Session.upload

    def damage(self: Session, contents: dict) -> None:
        changed = {name: content for name, content in contents.items() if name != "bundle/model.tflite"}
        upload(self, {**changed, "bundle/model.tflite": (bundle / "model.tflite").read_bytes()[:-1] + b"?"})

    monkeypatch.setattr(Session, "upload", damage)
    with pytest.raises(InputError, match=r"local: .*corrupted"):
        bench(bundle, "local", QUICK)


def test_one_run_at_a_time(bundle: Path, own_lock: Path) -> None:
    with (
        Session(open_transport("local"), 60),
        pytest.raises(DeviceError, match=r"local is busy: process \d+ holds"),
    ):
        bench(bundle, "local", dataclasses.replace(QUICK, lock_wait_s=1))
    # One that was left by a process that died, or before a reboot, holds nobody up.
    own_lock.mkdir()
    (own_lock / "holder").write_text("999999999 other-boot\n")
    assert bench(bundle, "local", QUICK).samples == 40


def test_a_lock_left_by_a_dead_process_is_taken_by_one_of_several(own_lock: Path, own_cache: Path) -> None:
    """Each of them had broken the lock of the one before it, and removed its folder while it ran."""
    own_cache.mkdir(parents=True, exist_ok=True)
    for _ in range(4):
        own_lock.mkdir()
        (own_lock / "holder").write_text("999999999 other-boot\n")

        def stay(_: int) -> bool:
            with Session(open_transport("local"), 60) as session:
                time.sleep(0.05)
                return Path(session.folder).is_dir()

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(stay, range(6)))
        assert not own_lock.exists()


def test_ctrl_c_ends_the_run_and_leaves_nothing(slow_model: Path, own_cache: Path) -> None:
    code = (
        # A background job of a shell is started with SIGINT ignored.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from device_runners import bench, BenchOptions\n"
        "try: bench(sys.argv[1], 'local', BenchOptions(min_time_s=60, time_limit_s=300))\n"
        "except KeyboardInterrupt: sys.exit(130)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, slow_model], start_new_session=True)
    deadline = time.monotonic() + 30
    # The file is there a moment before its text is.
    written: list[str] = []
    while not any(written) and time.monotonic() < deadline:
        time.sleep(0.05)
        written = [file.read_text() for file in own_cache.glob("run.*/command.pid")]
    (pid,) = written
    agent = int(pid)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    wait_for(lambda: not Path(f"/proc/{agent}").exists(), "the end of the agent", 5)


def test_a_failing_device_does_not_take_the_others_along(bundle: Path) -> None:
    good, bad = bench_devices(bundle, ["local", "ssh://no-such-host.invalid"], QUICK)
    assert isinstance(good, RunRecord)
    assert isinstance(bad, DeviceError)
    assert bad.exit_code == 3


@pytest.mark.parametrize(
    "device",
    [
        "",
        "pi",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://pi:secret@host",
        "ssh://h/path",
        "ssh://h:99999",
        "ssh://a b",
        "ssh://h;id",
        "adb://-s",
        "adb://a b",
        "adb://$(id)",
        "http://host",
    ],
)
def test_device_names_that_are_none(device: str) -> None:
    with pytest.raises(InputError, match=r"is not understood|bad port"):
        open_transport(device)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("ABC\tunauthorized", "adb://ABC is unauthorized.*allow USB debugging"),
        ("ABC\toffline", "adb://ABC is offline.*reconnect"),
        ("ABC\tno permissions (user in plugdev group); see [url]", "no permissions.*plugdev"),
        ("", "There is no adb device 'ABC'"),
        ("ABC\tdevice", "old adb without exit codes"),
    ],
)
def test_adb_devices_that_are_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, reason: str
) -> None:
    """By a stand-in for `adb` that answers as the real one does."""
    adb = tmp_path / "adb"
    adb.write_text(
        f"#!/bin/sh\ncase $1 in devices) printf 'List of devices attached\\n{listed}\\n\\n';; esac\n"
    )
    adb.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DeviceError, match=reason):
        open_transport("adb://ABC")


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ("edgeprune-exit 0\n", ("", 0)),
        ("x\nedgeprune-exit 139\r\n", ("x\n", 139)),
        ("x", ("x", None)),
        ("", ("", None)),
        ("edgeprune-exit ", ("edgeprune-exit ", None)),
    ],
)
def test_only_a_reported_end_is_one(stderr: str, expected: tuple[str, int | None]) -> None:
    from device_runners.scripts import split_exit

    assert split_exit(stderr) == expected
