"""The examination, part by part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.doctor.finding import Finding, State
from edgeprune.doctor.requirements import Requirement, installed, meets, requirements
from edgeprune.errors import DeviceError
from edgeprune.quantities import show_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Without these no build runs; the other packages of [host] bring data or a second way.
_NEEDED = (
    "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy", "typer", "rich",
)
_TRIAL = "import tensorflow, tf_keras, tensorflow_model_optimization, ai_edge_litert.interpreter"
_TRIAL_LIMIT_S = 180
_DISK_BYTES, _MEMORY_BYTES = 200_000_000, 2_000_000_000
_PLENTY = 5  # times what is needed


def examine(folder: Path | str = ".", *, quick: bool = False) -> tuple[Finding, ...]:
    """Look at Python, packages, environment variables, tools, disk and memory.

    Args:
        folder: where builds will go.
        quick: do not try to import TensorFlow, which takes some seconds.
    """
    packages = tuple(_packages())
    broken = any(finding.state is State.BROKEN for finding in packages)
    trial = () if quick or broken else (_trial(),)
    return (
        _python(), *packages, *trial, *_variables(os.environ), *_tools(), *_disk(Path(folder)), *_memory()
    )


def _python() -> Finding:
    version = platform.python_version()
    pins = importlib.metadata.metadata("edgeprune")["Requires-Python"] or ""
    if not meets(version, pins):
        fix = f"Make a virtual environment with a Python that is {pins}, and install edgeprune there."
        return Finding("Python", State.BROKEN, version, fix)
    if sys.prefix == sys.base_prefix:
        fix = "A virtual environment keeps the pinned versions apart: python3 -m venv edgeprune-env."
        return Finding("Python", State.DOUBTFUL, f"{version}, not a virtual environment", fix)
    return Finding("Python", State.FINE, version)


def _packages() -> Iterator[Finding]:
    # One line for each package, however many extras ask for it.
    seen: dict[str, Requirement] = {}
    for requirement in requirements():
        if requirement.extra not in ("test", "device"):
            seen.setdefault(requirement.name, requirement)
    for requirement in seen.values():
        yield _package(requirement)


def _package(requirement: Requirement) -> Finding:
    name, version = requirement.name, installed(requirement.name)
    needed = name in _NEEDED
    extra = f"edgeprune[{requirement.extra}]" if requirement.extra else "edgeprune"
    fix = f"pip install '{extra}'"
    if version is None:
        return Finding(name, State.BROKEN if needed else State.MISSING, "not installed", fix)
    if not requirement.met_by(version):
        state = State.BROKEN if needed else State.DOUBTFUL
        return Finding(name, state, f"{version}, {requirement.pins} is needed", fix)
    return Finding(name, State.FINE, version)


def _trial() -> Finding:
    """Importing tells what versions do not: a wrong numpy, a missing library, an old processor."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
    try:
        done = subprocess.run(  # noqa: S603  (this Python, our own text)
            [sys.executable, "-c", _TRIAL], capture_output=True, text=True, timeout=_TRIAL_LIMIT_S,
            check=False, env=environment,
        )
    except subprocess.TimeoutExpired:
        return Finding("import of TensorFlow", State.BROKEN, f"no end within {_TRIAL_LIMIT_S} s", _REINSTALL)
    if done.returncode == 0:
        return Finding("import of TensorFlow", State.FINE, "works")
    if done.returncode < 0:
        found = f"ended by signal {-done.returncode}"
        fix = "The processor may lack AVX, which TensorFlow's wheels need: build on another machine."
        return Finding("import of TensorFlow", State.BROKEN, found, fix)
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return Finding("import of TensorFlow", State.BROKEN, last[:300], _REINSTALL)


_REINSTALL = "pip install --force-reinstall 'edgeprune[host]'"


def _variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    legacy = environment.get("TF_USE_LEGACY_KERAS", "1")
    if legacy.lower() in ("1", "true"):
        yield Finding("TF_USE_LEGACY_KERAS", State.FINE, "1, as tfmot needs it")
    else:
        yield Finding("TF_USE_LEGACY_KERAS", State.BROKEN, f"{legacy!r}: tfmot works on Keras 2 alone",
                      "unset TF_USE_LEGACY_KERAS; edgeprune sets it by itself, and reads Keras 3 models too.")
    backend = environment.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        yield Finding("KERAS_BACKEND", State.BROKEN, f"{backend!r}: models are converted with TensorFlow",
                      "unset KERAS_BACKEND")


def _tools() -> Iterator[Finding]:
    from device_runners.transports.adb import find_adb

    ssh = shutil.which("ssh")
    yield Finding("ssh", State.FINE, ssh) if ssh else Finding(
        "ssh", State.MISSING, "not found; ssh:// devices need it", "apt install openssh-client"
    )
    try:
        yield Finding("adb", State.FINE, str(find_adb()))
    except DeviceError:
        yield Finding("adb", State.MISSING, "not found; adb:// devices need it",
                      "apt install adb, or set ANDROID_HOME to the SDK")


def _disk(folder: Path) -> Iterator[Finding]:
    """Free space where builds go and where they work."""
    places = {"output folder": folder.resolve(), "temporary files": Path(tempfile.gettempdir())}
    for name, place in places.items():
        there = next(path for path in (place, *place.parents) if path.exists())
        free = shutil.disk_usage(there).free
        words, fix = f"{show_size(free)} free", f"Free some at {there}."
        if not os.access(there, os.W_OK):
            words, fix, state = f"{there} cannot be written", "Choose another --out, or TMPDIR.", State.BROKEN
        elif free < _DISK_BYTES:
            words, state = f"{words}, {show_size(_DISK_BYTES)} are needed", State.BROKEN
        elif free < _PLENTY * _DISK_BYTES:
            words, state = f"{words}, which large models may exceed", State.DOUBTFUL
        else:
            fix, state = "", State.FINE
        yield Finding(f"disk, {name}", state, words, fix)


def _memory() -> Iterator[Finding]:
    """What Linux says is available; nothing elsewhere."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    available = int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024
    words = f"{show_size(available)} free"
    if available < _MEMORY_BYTES:
        fix = "End other programs, or use a smaller --batch-size and --calibration."
        yield Finding("memory", State.DOUBTFUL, f"{words}, TensorFlow alone takes half a gigabyte", fix)
    else:
        yield Finding("memory", State.FINE, words)
