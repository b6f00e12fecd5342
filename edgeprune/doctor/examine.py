"""The examination, check by check."""

import contextlib
import dataclasses
import enum
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from device_runners.agent.facts import status_bytes
from device_runners.transports.adb import find_adb
from edgeprune.doctor.requirements import Requirement, installed, meets, requirements
from edgeprune.errors import DeviceError
from edgeprune.install_source import install_command
from edgeprune.quantities import show_size

# Without these no build runs; the other packages of [host] bring data or a second way.
_NEEDED = (
    "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy", "typer", "rich",
)
_TRIAL = "import tensorflow, tf_keras, tensorflow_model_optimization, ai_edge_litert.interpreter"
_TRIAL_LIMIT_S = 180
_DISK_BYTES, _MEMORY_BYTES = 200_000_000, 2_000_000_000
_PLENTY = 5  # times what is needed


class Health(str, enum.Enum):
    """Only `BROKEN` keeps a build from running."""

    FINE = "fine"
    MISSING = "missing"  # something optional
    DOUBTFUL = "doubtful"
    BROKEN = "broken"


@dataclasses.dataclass(frozen=True)
class MachineCheck:
    """One thing that was looked at: a version, a place, an amount or what is wrong, and how to fix it."""

    name: str
    state: Health
    found: str
    fix: str = ""


def can_build(checks: Iterable[MachineCheck]) -> bool:
    """Whether a build can run."""
    return not any(check.state is Health.BROKEN for check in checks)


def examine(folder: Path | str = ".", *, quick: bool = False) -> tuple[MachineCheck, ...]:
    """Look at Python, packages, environment variables, tools, memory, and the disk of `folder`.

    `quick` leaves out the trial import of TensorFlow, which takes some seconds.
    """
    packages = tuple(_packages())
    broken = any(package.state is Health.BROKEN for package in packages)
    trial = () if quick or broken else (_trial(),)
    surroundings = (*_variables(os.environ), *_tools(), *_disk(Path(folder)), *_memory())
    return (_python(), *packages, *trial, *surroundings)


def _python() -> MachineCheck:
    version = platform.python_version()
    pins = importlib.metadata.metadata("edgeprune")["Requires-Python"] or ""
    if not meets(version, pins):
        fix = f"Make a virtual environment with a Python that is {pins}, and install edgeprune there."
        return MachineCheck("Python", Health.BROKEN, version, fix)
    if sys.prefix == sys.base_prefix:
        fix = "A virtual environment keeps the pinned versions apart: python3 -m venv edgeprune-env."
        return MachineCheck("Python", Health.DOUBTFUL, f"{version}, not a virtual environment", fix)
    return MachineCheck("Python", Health.FINE, version)


def _packages() -> Iterator[MachineCheck]:
    # One line for each package, however many extras ask for it.
    seen: dict[str, Requirement] = {}
    for requirement in requirements():
        if requirement.extra not in ("test", "device"):
            seen.setdefault(requirement.name, requirement)
    yield from map(_package, seen.values())


def _package(requirement: Requirement) -> MachineCheck:
    name, version = requirement.name, installed(requirement.name)
    needed = name in _NEEDED
    fix = install_command(requirement.extra)
    if version is None:
        return MachineCheck(name, Health.BROKEN if needed else Health.MISSING, "not installed", fix)
    if not meets(version, requirement.pins):
        state = Health.BROKEN if needed else Health.DOUBTFUL
        return MachineCheck(name, state, f"{version}, {requirement.pins} is needed", fix)
    return MachineCheck(name, Health.FINE, version)


def _reinstall() -> str:
    """A shell line that installs everything anew."""
    return install_command("host").replace("install", "install --force-reinstall", 1)


def _trial() -> MachineCheck:
    """Importing shows what versions do not: a wrong numpy, a missing library, an old processor."""
    name = "import of TensorFlow"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
    try:
        done = subprocess.run(  # noqa: S603  (this Python, our own text)
            [sys.executable, "-c", _TRIAL], capture_output=True, text=True, timeout=_TRIAL_LIMIT_S,
            check=False, env=environment,
        )
    except subprocess.TimeoutExpired:
        return MachineCheck(name, Health.BROKEN, f"no end within {_TRIAL_LIMIT_S} s", _reinstall())
    if done.returncode == 0:
        return MachineCheck(name, Health.FINE, "works")
    if done.returncode < 0:
        fix = "The processor may lack AVX, which TensorFlow's wheels need: build on another machine."
        return MachineCheck(name, Health.BROKEN, f"ended by signal {-done.returncode}", fix)
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return MachineCheck(name, Health.BROKEN, last[:300], _reinstall())


def _variables(environment: Mapping[str, str]) -> Iterator[MachineCheck]:
    name = "TF_USE_LEGACY_KERAS"
    legacy = environment.get(name, "1")
    if legacy.lower() in ("1", "true"):
        yield MachineCheck(name, Health.FINE, "1, as tfmot needs it")
    else:
        fix = f"unset {name}; edgeprune sets it by itself, and reads Keras 3 models too."
        yield MachineCheck(name, Health.BROKEN, f"{legacy!r}: tfmot works on Keras 2 alone", fix)
    name = "KERAS_BACKEND"
    backend = environment.get(name, "tensorflow")
    if backend != "tensorflow":
        found = f"{backend!r}: models are converted with TensorFlow"
        yield MachineCheck(name, Health.BROKEN, found, f"unset {name}")


def _tools() -> Iterator[MachineCheck]:
    adb: str | None = None
    with contextlib.suppress(DeviceError):
        adb = find_adb()
    for name, path, fix in (
        ("ssh", shutil.which("ssh"), "apt install openssh-client"),
        ("adb", adb, "apt install adb, or: pip install adbutils"),
    ):
        missing = MachineCheck(name, Health.MISSING, f"not found; {name}:// devices need it", fix)
        yield MachineCheck(name, Health.FINE, path) if path else missing


def _disk(folder: Path) -> Iterator[MachineCheck]:
    """Free space where builds go and where they work."""
    places = {"output folder": folder.resolve(), "temporary files": Path(tempfile.gettempdir())}
    for name, place in places.items():
        there = next(path for path in (place, *place.parents) if path.exists())
        free = shutil.disk_usage(there).free
        found, fix = f"{show_size(free)} free", f"Free some at {there}."
        if not os.access(there, os.W_OK):
            found, health = f"{there} cannot be written", Health.BROKEN
            fix = "Choose another --out, or TMPDIR."
        elif free < _DISK_BYTES:
            found, health = f"{found}, {show_size(_DISK_BYTES)} are needed", Health.BROKEN
        elif free < _PLENTY * _DISK_BYTES:
            found, health = f"{found}, which large models may exceed", Health.DOUBTFUL
        else:
            fix, health = "", Health.FINE
        yield MachineCheck(f"disk, {name}", health, found, fix)


def _memory() -> Iterator[MachineCheck]:
    """What Linux calls available; nothing on other systems."""
    available = status_bytes("MemAvailable", "/proc/meminfo")
    if available is None:
        return
    found = f"{show_size(available)} free"
    if available < _MEMORY_BYTES:
        fix = "End other programs, or use a smaller --batch-size and --calibration."
        found = f"{found}, TensorFlow alone takes half a gigabyte"
        yield MachineCheck("memory", Health.DOUBTFUL, found, fix)
    else:
        yield MachineCheck("memory", Health.FINE, found)
