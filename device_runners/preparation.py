"""`edgeprune devices --prepare`: turn a board with a bare Python into one that benches.

Raspberry Pi OS and Debian refuse `pip install` into their own Python, and a board may have no pip and no
network. So this machine's pip fetches the wheels that fit the board; they travel like every upload, which
goes on where it was cut. The board makes a venv from them in the run's folder, runs a tiny model with it,
and only then keeps it as ``venv`` in edgeprune's own folder there, where every later run looks for it.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from device_runners import scripts
from device_runners.discovery import DeviceCheck, check_device, tiny_target
from device_runners.execution import run_program
from device_runners.options import BenchOptions
from device_runners.python_runner import run_agent
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.errors import DeviceError, InputError

_TIME_LIMIT_S = 900.0  # of the installation on the board
_DOWNLOAD_S = 600.0
_FREE_KB = 300_000
_OLDEST_GLIBC = 17  # the first that the wheels' tags name, as 2.17
_32_BIT_ARM = ("aarch64", "armv7l", "armv8l")
_NATIVE = "Use `edgeprune bench --runner native` there."


@dataclasses.dataclass(frozen=True)
class InstallPlan:
    """What a board's Python needs: packages for pip, and the names of platforms whose wheels run there."""

    executable: str  # the device's Python, as it names itself
    python: str  # such as 3.11
    packages: tuple[str, ...]
    platforms: tuple[str, ...]
    with_system_packages: bool  # whether the venv sees the board's own numpy

    @property
    def what(self) -> str:
        """For people."""
        numpy = "the device's own numpy" if self.with_system_packages else "numpy"
        return f"{self.packages[0]} and {numpy} for Python {self.python}"


def prepare(device: str, python: str | None, tell: Callable[[str], None]) -> DeviceCheck:
    """Make the venv on one device.

    Args:
        device: as `bench` takes it.
        python: the device's Python to make it from; None for its python3.
        tell: is told what will be done before it is.

    Returns:
        How the device looks afterwards.

    Raises:
        InputError: a device that keeps no venv of its own, or no pip on this machine.
        DeviceError: what the device has does not suffice, or a step there failed; nothing is left behind.
    """
    if device == "local":
        raise InputError(
            "This machine needs no preparation.", "--prepare is for devices, such as ssh://pi@raspberrypi.local.",
            "Here, run: pip install 'ai-edge-litert>=2.1.5'",
        )
    with Session(open_transport(device), _TIME_LIMIT_S) as session, tempfile.TemporaryDirectory() as folder:
        printed = session.shell(scripts.PYTHON_FACTS, python or "python3", session.folder).stdout
        plan = plan_for(printed.decode(errors="replace"), device)
        tell(f"{device}: fetching {plan.what}")
        wheels = download(plan, Path(folder))
        megabytes = sum(one.stat().st_size for one in wheels) / 1e6
        home = session.folder.rpartition("/")[0]
        tell(f"{device}: installing {len(wheels) - 1} packages ({megabytes:.0f} MB) into {home}/venv")
        session.upload({f"wheels/{one.name}": one for one in wheels})
        _install(session, plan, [one.name for one in wheels])
        tell(f"{device}: running a tiny model")
        made = f"{session.folder}/venv/bin/python"
        options = BenchOptions(runs=1, warmup=0, min_time_s=0.01, time_limit_s=_TIME_LIMIT_S / 5, python=made)
        with tiny_target() as target:
            run_agent(session, target, options)
        kept = session.shell(scripts.KEEP_VENV, session.folder)
        if kept.code:
            raise DeviceError(
                f"{device} cannot keep the new venv ({kept.stderr.strip()[-200:]}).", "",
                f"Remove {home}/venv there, and try again.",
            )
    return check_device(device)


def plan_for(printed: str, device: str) -> InstallPlan:
    """What to install, from what `scripts.PYTHON_FACTS` printed.

    Raises:
        DeviceError: nothing that can be installed runs there.
    """
    pairs = (line.split(None, 1) for line in printed.splitlines())
    facts = {pair[0]: pair[1].strip()[:200] for pair in pairs if len(pair) == 2}
    version = re.fullmatch(r"3\.([0-9]{1,2})", facts.get("python", ""))
    executable = facts.get("executable", "")
    if version is None or int(version[1]) < 9 or not executable.startswith("/"):
        found = f"has Python {facts['python'][:20]}" if "python" in facts else "has no Python that runs"
        raise DeviceError(
            f"{device} {found}.", "Python 3.9 or later is needed.",
            "Install it there (sudo apt install python3), or name another one with --python.",
        )
    if "venv" not in facts:
        way_out = "On the device: sudo apt install python3-venv"
        raise DeviceError(f"The Python of {device} has no venv module.", "", way_out)
    free_kb = facts.get("free_kb", "")
    if re.fullmatch(r"[0-9]{1,15}", free_kb) and int(free_kb) < _FREE_KB:
        found = f"{device} has only {int(free_kb) // 1000} MB free."
        raise DeviceError(found, f"{_FREE_KB // 1000} MB are needed.", "Free some there, and try again.")
    libc = re.fullmatch(r"glibc 2\.([0-9]{1,2})(\.[0-9]+)?", facts.get("libc", ""))
    if libc is None:
        raise DeviceError(
            f"{device} is not a Linux system with glibc ({facts.get('libc', 'unknown C library')[:40]}).",
            "Runtimes for Python are made for those alone.", _NATIVE,
        )
    return _plan(executable, version[0], int(libc[1]), facts, device)


def _plan(executable: str, version: str, glibc: int, facts: Mapping[str, str], device: str) -> InstallPlan:
    kernel, bits, numpy = facts.get("kernel", ""), facts.get("bits", ""), facts.get("numpy", "")
    if bits == "32" and kernel in _32_BIT_ARM:
        if not numpy.startswith("1."):
            raise DeviceError(
                f"The 32-bit Python of {device} has {f'numpy {numpy[:20]}' if numpy else 'no numpy'}.",
                "Its runtime needs numpy 1.x, which Debian 12 has.",
                "On the device: sudo apt install python3-numpy. A 64-bit system runs the newer runtime.",
            )
        return InstallPlan(executable, version, ("tflite-runtime",), _platforms("armv7l", glibc), True)
    if bits != "64" or kernel not in ("aarch64", "x86_64"):
        raise DeviceError(
            f"{device} is {kernel[:20] or 'unknown'} with a {bits[:4] or '?'}-bit Python.",
            "Runtimes are made for 64-bit ARM and x86 and for 32-bit ARM.", _NATIVE,
        )
    return InstallPlan(executable, version, ("ai-edge-litert", "numpy"), _platforms(kernel, glibc), False)


def _platforms(machine: str, glibc: int) -> tuple[str, ...]:
    """The tags of wheels that run with this glibc, the newest first."""
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, _OLDEST_GLIBC - 1, -1)]
    return (*tags, f"manylinux2014_{machine}", f"linux_{machine}")


def download(plan: InstallPlan, folder: Path) -> list[Path]:
    """The wheels, pip's own among them, by this machine's pip with the user's own settings.

    Raises:
        InputError: this machine has no pip, or its index has no such wheels.
    """
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", plan.python]
    options += [part for name in plan.platforms for part in ("--platform", name)]
    # The system's packages stand for what is missing, so nothing else may come in their place.
    options += ["--no-deps"] if plan.with_system_packages else []
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *options]
    try:
        done = subprocess.run(  # noqa: S603  (a list, no shell)
            [*command, "--dest", str(folder), "pip", *plan.packages], capture_output=True, text=True,
            timeout=_DOWNLOAD_S, check=False, stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        found = f"pip did not fetch the packages within {_DOWNLOAD_S:.0f} s."
        raise InputError(found, "", "Check the network of this machine, and try again.") from error
    if done.returncode:
        lines = done.stderr.splitlines()
        reason = "; ".join([line for line in lines if line.startswith("ERROR")] or lines[-1:])[-300:]
        raise InputError(
            f"pip on this machine cannot fetch {plan.what} ({reason}).",
            "Wheels for the device come through this machine.", _way_out(plan, reason),
        )
    return sorted(folder.glob("*.whl"))


def _way_out(plan: InstallPlan, reason: str) -> str:
    if "No module named pip" in reason:
        return "Install pip here: python -m ensurepip"
    if plan.with_system_packages:
        return "tflite-runtime has wheels for Python 3.9 to 3.11: name such a Python with --python."
    return "Check the network and pip's settings here, or use an older Python there with --python."


def _install(session: Session, plan: InstallPlan, wheels: Sequence[str]) -> None:
    pip = next(name for name in wheels if name.startswith("pip-"))
    packages = [f"wheels/{name}" for name in wheels if name != pip]
    kind = "shared" if plan.with_system_packages else "own"
    command = ["sh", "-c", scripts.MAKE_VENV, "edgeprune", plan.executable, kind, f"wheels/{pip}", *packages]
    run_program(session, command, b"", _TIME_LIMIT_S, plan.executable)
