"""The C runner on this machine, with the library of the ai-edge-litert wheel."""

from __future__ import annotations

import dataclasses
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from device_runners import BenchOptions, bench
from device_runners.native import job, output
from device_runners.native.runner import SOURCES, find_library
from device_runners.options import open_target
from edgeprune.errors import DeviceError, InputError

QUICK = BenchOptions(min_time_s=0.05, runs=10, runner="native")

if shutil.which("cmake") is None or shutil.which("cc") is None:
    pytest.skip("the native runner is built with cmake and a C compiler", allow_module_level=True)


def compile_c(*arguments: object) -> None:
    done = subprocess.run(
        ["cc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By the project's own CMake file, where a warning is an error."""
    build = tmp_path_factory.mktemp("native")
    for step in (["-S", SOURCES, "-B", build, "-DEDGEPRUNE_WERROR=ON"], ["--build", build]):
        done = subprocess.run(["cmake", *step], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "edgeprune_runner"


@pytest.mark.parametrize("xnnpack", [True, False])
def test_predictions_are_those_of_the_python_agent(bundle: Path, program: Path, xnnpack: bool) -> None:
    options = dataclasses.replace(QUICK, native_runner=program, xnnpack=xnnpack, threads=2)
    native = bench(bundle, "local", options)
    python = bench(bundle, "local", dataclasses.replace(options, runner="python"))
    assert native.predictions == python.predictions
    assert native.metrics == python.metrics
    assert native.samples == 40
    assert native.model == python.model
    assert len(native.latency_ns) >= 10
    assert len(native.warmup_ns) >= 5
    assert native.facts.arch == python.facts.arch
    assert native.memory.peak_bytes is not None
    assert native.memory.peak_bytes < 40 << 20


def test_a_bare_model_gives_latency_and_memory(float_model: Path, program: Path) -> None:
    record = bench(float_model, "local", dataclasses.replace(QUICK, native_runner=program))
    assert not record.metrics
    assert not record.predictions
    assert record.memory.model_bytes is not None
    assert record.latency.p50_ms > 0


def test_the_other_c_api_gives_the_same(
    bundle: Path, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "libtensorflowlite_c.so"
    source = Path(__file__).parent / "tflite_c_shim.c"
    compile_c("-shared", "-fPIC", "-I", SOURCES / "src", "-o", shim, source, SOURCES / "src/litert.c", "-ldl")
    monkeypatch.setenv("LITERT_LIBRARY", str(find_library(BenchOptions(), open_machine())))
    options = dataclasses.replace(QUICK, native_runner=program)
    other = bench(bundle, "local", dataclasses.replace(options, library=shim))
    assert (other.runtime.name, other.runtime.version) == ("TensorFlow Lite", "shim")
    assert other.predictions == bench(bundle, "local", options).predictions
    with pytest.raises(DeviceError, match="no way to turn XNNPACK off"):
        bench(bundle, "local", dataclasses.replace(options, library=shim, xnnpack=False))


def open_machine() -> str:
    import platform

    return platform.machine()


def test_library_and_model_errors_are_named(bundle: Path, program: Path, tmp_path: Path) -> None:
    options = dataclasses.replace(QUICK, native_runner=program)
    wrong = tmp_path / "lib.so"
    wrong.write_bytes(b"not a library at all")
    with pytest.raises(DeviceError, match=r"does not load.*--library"):
        bench(bundle, "local", dataclasses.replace(options, library=wrong))
    compile_c("-shared", "-fPIC", "-o", wrong, "-x", "c", "/dev/null")
    with pytest.raises(DeviceError, match="the library lacks TfLite"):
        bench(bundle, "local", dataclasses.replace(options, library=wrong))
    with pytest.raises(InputError, match=r"There is no .*absent"):
        bench(bundle, "local", dataclasses.replace(options, library=tmp_path / "absent"))


def test_a_job_of_several_inputs_is_laid_out_sample_by_sample() -> None:
    first, second = np.arange(6, dtype=np.int8).reshape(3, 2), np.arange(3, dtype=np.float32)[:, None]
    packed = job.pack([first, second], BenchOptions(), evaluate=True)
    expected = b"".join(first[i].tobytes() + second[i].tobytes() for i in range(3))
    assert packed.startswith(b"EPJ1")
    assert packed.endswith(expected)
    assert len(packed) == 60 + 16 + len(expected)


def test_mutated_jobs_never_break_the_runner(bundle: Path, tmp_path: Path, drawn: random.Random) -> None:
    """Under sanitizers: refused (2) or, where the job is still valid, without its library (3)."""
    sanitized = tmp_path / "runner"
    sources = sorted((SOURCES / "src").glob("*.c"))
    compile_c(
        "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", sanitized, *sources, "-ldl"
    )
    prepared = job.prepare(open_target(bundle), QUICK)
    good = job.pack(prepared.inputs, QUICK, evaluate=True)
    codes = set()
    for _ in range(150):
        content = bytearray(good)
        for _ in range(drawn.randint(1, 3)):
            content[drawn.randrange(76)] = drawn.choice([0, 1, 0x7F, 0x80, 0xFF, drawn.randrange(256)])
        if drawn.random() < 0.3:
            content = content[: drawn.randrange(len(content))]
        (tmp_path / "job").write_bytes(content)
        done = subprocess.run(
            [sanitized, tmp_path / "job", "model", "/nonexistent"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (2, 3), done.stderr
        assert "edgeprune-error" in done.stderr
        codes.add(done.returncode)
    assert codes == {2, 3}


@pytest.mark.parametrize(
    "text", ["", "latency_ns 5\n", "latency_ns x\ndone\n", "memory a\ndone\n", "output 0 zz\n"]
)
def test_output_that_is_cut_or_foreign_is_refused(text: str) -> None:
    with pytest.raises(DeviceError, match="What the runner on phone printed"):
        output.parse(text, "phone")
