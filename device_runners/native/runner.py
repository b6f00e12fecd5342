"""Run the native runner on a device."""

import functools
import hashlib
import importlib.util
import math
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from device_runners.agent import facts
from device_runners.agent.run import record_of
from device_runners.agent.samples import EvaluationResult, EvaluationSamples, result_of
from device_runners.execution import run_program, uploaded
from device_runners.native import output
from device_runners.native.job import NativeJob, pack, prepare
from device_runners.native.output import NativeOutput
from device_runners.options import BenchOptions, Target
from device_runners.session import RUN_BYTES, Session
from edgeprune.bundle import Bundle
from edgeprune.bundle.read import MODEL
from edgeprune.cache import cache_folder
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_record import RunRecord

SOURCES = Path(__file__).parent
_PROPERTIES = ("ro.product.manufacturer", "ro.product.model", "ro.soc.model", "ro.build.version.release")
_ANDROID_FACTS = "; ".join(f"getprop {name}" for name in _PROPERTIES)
_UNAME = "uname -m; command -v getprop >/dev/null 2>&1 && { " + _ANDROID_FACTS + "; }; true"


def run_native(session: Session, target: Target, options: BenchOptions) -> RunRecord:
    """Send model, library, program and job; run; read the lines.

    An `InputError` says what the user has to name or build where a program or a library is missing.
    """
    arch, *properties = session.shell(_UNAME).stdout.decode(errors="replace").splitlines() or ["unknown"]
    program, library = find_program(options, arch), find_library(options, arch)
    job = prepare(target, options)
    packed = pack(job.inputs, options, evaluate=job.data is not None)
    session.upload({"runner": program, "library.so": library, MODEL: target.model, "job.bin": packed})
    command = uploaded("runner", "job.bin", MODEL, "./library.so")
    # Every output of every sample comes back in hex.
    outputs = sum(4 * math.prod(info.shape) for info in job.output_infos) * len(job.inputs[0])
    result = run_program(
        session, command, b"", options.time_limit_s, f"runner for {arch}", RUN_BYTES + 2 * max(outputs, 0)
    )
    device = session.transport.device
    printed = output.parse(result.stdout.decode(errors="replace"), device)
    files = session.read_files(facts.PATHS)
    with output.understood(device):
        states = (facts.device_state(functools.partial(printed.state, when)) for when in ("before", "after"))
        described = facts.with_android(facts.device_facts(files.get, arch, *states), properties)
        return record_of(
            device, target.model, target.bundle, options.settings(), printed.runtime(), printed.timings(),
            printed.memory(), described, _evaluate(device, target.bundle, job, printed),
        )


def find_program(options: BenchOptions, arch: str) -> Path:
    """The runner for a device of architecture `arch`: the named one, or one built here for this machine's."""
    if options.native_runner is not None:
        if not options.native_runner.is_file():
            raise InputError(f"There is no {options.native_runner}.", "The built runner was expected.")
        return options.native_runner
    if arch == platform.machine():
        return build_program()
    raise InputError(
        f"No native runner is there for {arch}.", "Name one with --native-runner.",
        f"Build it: cmake -S {SOURCES} -B build -DCMAKE_TOOLCHAIN_FILE=… && cmake --build build",
    )


def build_program(compiler: str | None = None) -> Path:
    """Build the runner once for each version of its sources, in the user's cache folder.

    `compiler` may be that of another architecture, such as ``aarch64-linux-gnu-gcc``.
    """
    digest = hashlib.sha256((compiler or "").encode())
    for path in sorted([SOURCES / "CMakeLists.txt", *(SOURCES / "src").iterdir()]):
        digest.update(path.read_bytes())
    program = cache_folder() / "native" / digest.hexdigest()[:16] / "edgeprune_runner"
    if program.is_file():
        return program
    if shutil.which("cmake") is None:
        raise InputError(
            "There is no cmake.", "The native runner is built with it.", "Install cmake and a C compiler."
        )
    with tempfile.TemporaryDirectory() as build:
        choice = [f"-DCMAKE_C_COMPILER={compiler}"] if compiler else []
        _cmake("-S", str(SOURCES), "-B", build, "-DEDGEPRUNE_WERROR=OFF", *choice)
        _cmake("--build", build)
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(build) / "edgeprune_runner", program.with_suffix(".new"))
        program.with_suffix(".new").replace(program)
    return program


def _cmake(*arguments: str) -> None:
    done = subprocess.run(["cmake", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise InputError(
            f"The native runner did not build: {(done.stderr or done.stdout).strip()[-400:]}", "",
            "Install a C11 compiler, or name a built runner with --native-runner.",
        )


def find_library(options: BenchOptions, arch: str) -> Path:
    """The TFLite library to send: the named one, or that of this machine's ai-edge-litert."""
    if options.library is not None:
        if not options.library.is_file():
            raise InputError(f"There is no {options.library}.", "A TFLite library was expected.")
        return options.library
    package = importlib.util.find_spec("ai_edge_litert")
    inside = Path(package.origin).parent / "libLiteRt.so" if package and package.origin else None
    if arch == platform.machine() and inside is not None and inside.is_file():
        return inside
    raise InputError(
        f"No TFLite library is there for {arch}.",
        "Name libLiteRt.so or libtensorflowlite_c.so with --library.",
        "For Android it is in the AAR of com.google.ai.edge.litert, in Linux wheels of ai-edge-litert.",
    )


def _evaluate(device: str, bundle: Bundle | None, job: NativeJob, printed: NativeOutput) -> EvaluationResult:
    """From the outputs sent back. Preprocessing ran on the host, whose time says nothing about the device."""
    if job.data is None or bundle is None:
        return EvaluationResult()
    arrays = [printed.array(i, info.dtype, info.shape) for i, info in enumerate(job.output_infos)]
    if len(arrays[0]) != len(job.data):
        raise DeviceError(
            f"{device} sent outputs of {len(arrays[0])} samples. {len(job.data)} were expected.",
        )
    samples = EvaluationSamples(bundle, job.data, job.inputs)
    return result_of(samples, arrays, job.input_infos, job.output_infos, one_pass=True)
