"""`--accelerator`: through the real CompiledModel, and through one that behaves as those of devices do."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from device_runners import BenchOptions, bench
from device_runners.options import open_target
from device_runners.plausible import check_record
from edgeprune.cli.bench import bench as bench_command
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_parts import AcceleratedRun, Latency, OutputDifference
from edgeprune.run_record import RunRecord

ai_edge_litert = pytest.importorskip("ai_edge_litert")
pytest.importorskip("ai_edge_litert.compiled_model")
QUICK = {"runs": 5, "min_time_s": 0.02, "time_limit_s": 60.0}
app = typer.Typer()
app.command()(bench_command)
# What a GPU does that this machine has not: computed by the interpreter, spoiled as MODE says.
COMPILED = """
import os, signal, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
MODE = {mode!r}

class Buffer:
    def write(self, array): self.value = array
    def read(self, size, dtype):
        value = np.asarray(self.value, dtype).reshape(-1)
        assert value.size == size
        return value

class CompiledModel:
    @classmethod
    def from_file(cls, path, hardware_accel=None, options=None):
        if MODE == "crash":
            os.kill(os.getpid(), signal.SIGILL)
        if MODE == "hang":
            import time; time.sleep(60)
        self = cls()
        self.exact = options is not None
        self.kind = hardware_accel if options is None else options.hardware_accelerators
        if MODE == "told":  # as TensorFlow Lite words it
            for taken, left, delegate in ((2, 5, "LiteRtGpu"), (3, 4, "TfLiteXNNPackDelegate")):
                print(f"INFO: Replacing {{taken}} out of {{left}} node(s) with delegate ({{delegate}}) node, "
                      "yielding 2 partitions for subgraph 0 (main).", file=sys.stderr)
        if MODE in ("partial", "told", "swallowed") and not self.kind & 1:
            raise RuntimeError("ERROR: [x.h:1]\\n\u2514 Some ops are not accelerated. Add Cpu")
        self.model = Interpreter(path)
        self.model.allocate_tensors()
        return self
    def is_fully_accelerated(self): return MODE == "swallowed"
    def get_signature_list(self): return {{"s": {{"inputs": ["i"], "outputs": ["o"]}}}}
    def get_input_tensor_details(self, key): return {{"i": self.detail(self.model.get_input_details()[0])}}
    def get_output_tensor_details(self, key): return {{"o": self.detail(self.model.get_output_details()[0])}}
    def detail(self, one):
        return {{"index": one["index"], "shape": list(one["shape"]), "dtype": np.dtype(one["dtype"]).name}}
    def create_input_buffers(self, number): return [Buffer()]
    def create_output_buffers(self, number): return [Buffer()]
    def run_by_index(self, number, inputs, outputs):
        i, o = self.model.get_input_details()[0]["index"], self.model.get_output_details()[0]["index"]
        self.model.set_tensor(i, inputs[0].value)
        self.model.invoke()
        value = self.model.get_tensor(o)
        if MODE == "nan" and not self.exact or MODE == "always nan":
            value = value * np.nan
        if MODE == "half":
            value = value.astype(np.float16)
        if MODE == "wrong":
            value = value[..., ::-1]
        outputs[0].value = value
"""


def python_with(folder: Path, mode: str) -> str:
    """A Python whose ai_edge_litert has this CompiledModel."""
    package = folder / "packages" / "ai_edge_litert"
    package.mkdir(parents=True)
    real = Path(ai_edge_litert.__path__[0])
    for path in real.iterdir():
        (package / path.name).symlink_to(path)
    (package / "compiled_model.py").unlink()
    (package / "compiled_model.py").write_text(COMPILED.format(mode=mode))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={folder}/packages exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return str(python)


def accelerated(folder: Path, mode: str, model: Path, accelerator: str = "gpu") -> AcceleratedRun:
    options = BenchOptions(**QUICK, accelerator=accelerator, python=python_with(folder, mode))  # type: ignore[arg-type]
    record = bench(model, "local", options)
    assert record.latency.p50_ms > 0  # the CPU's own figures, whatever the accelerator does
    assert record.accelerated is not None
    return record.accelerated


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("mode", "state", "precision", "reason"),
    [
        ("full", "full", "fp16", ""),
        ("half", "full", "fp16", ""),
        ("nan", "full", "fp32", ""),
        ("always nan", "other outputs", "fp16", ""),
        ("wrong", "other outputs", "fp16", ""),
        ("partial", "partial", "fp16", "some operators ran on the CPU"),
        ("told", "partial", "fp16", "3 of 5 operators ran on the CPU"),
        ("swallowed", "unavailable", "fp16", "Some ops are not accelerated"),
        ("crash", "unavailable", "fp16", "crashed with SIGILL"),
    ],
)
def test_what_a_gpu_may_do(
    mode: str, state: str, precision: str, reason: str, tmp_path: Path, float_model: Path
) -> None:
    found = accelerated(tmp_path, mode, float_model)
    assert (found.state, found.precision) == (state, precision)
    assert reason in found.reason
    assert (found.latency is None) == (state == "unavailable")
    largest = max((one.largest for one in found.differences), default=None)
    if mode in ("full", "nan", "partial"):
        assert largest == 0
    if mode == "half":
        assert largest is not None
        assert 0 < largest < 1e-3


@pytest.mark.heavy
def test_the_real_one_on_this_machine(bundle: Path, float_model: Path) -> None:
    for model in (bundle, float_model):
        record = bench(model, "local", BenchOptions(**QUICK, accelerator="cpu"))  # type: ignore[arg-type]
        assert record.accelerated is not None
        assert record.accelerated.state == "full", record.accelerated.reason
        assert max(one.largest for one in record.accelerated.differences) < 0.01
        assert RunRecord.from_json(record.to_json()) == record
    result = CliRunner().invoke(app, [str(bundle), "--min-time", "0.02", "--accelerator", "npu"])
    assert result.exit_code == 0, result.output
    assert "local: npu" in result.output


@pytest.mark.parametrize(
    "run",
    [
        None,
        AcceleratedRun("npu", "unavailable", "", "fp32"),
        AcceleratedRun("gpu", "best", "", "fp16", Latency(1.0, 1.0, 0.0)),
        AcceleratedRun("gpu", "full", "", "fp16"),
        AcceleratedRun("gpu", "full", "", "fp16", Latency(float("nan"), 1.0, 0.0)),
        AcceleratedRun("gpu", "full", "", "fp16", Latency(1.0, 1.0, 0.0), (OutputDifference("1", -1.0),)),
        AcceleratedRun("gpu", "full", "x" * 5000, "fp16", Latency(1.0, 1.0, 0.0)),
    ],
)
def test_what_cannot_be_is_refused(
    run: AcceleratedRun | None, bundle: Path, plain_record: RunRecord
) -> None:
    record = plain_record
    options = BenchOptions(**QUICK, accelerator="gpu")  # type: ignore[arg-type]
    true = AcceleratedRun("gpu", "full", "", "fp16", Latency(1.0, 1.0, 0.0), (OutputDifference("1", 0.1),))
    target = open_target(bundle)
    check_record(dataclasses.replace(record, accelerated=true), "local", target, options, 10**12)
    with pytest.raises(DeviceError, match="cannot be right"):
        check_record(dataclasses.replace(record, accelerated=run), "local", target, options, 10**12)


def test_only_three_names() -> None:
    with pytest.raises(InputError, match="cpu, gpu or npu"):
        BenchOptions(accelerator="tpu")
