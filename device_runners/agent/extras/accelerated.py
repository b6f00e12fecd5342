"""The model on a GPU or NPU through LiteRT's CompiledModel, beside the interpreter's run on the CPU.

It runs in a process of its own: on some boards (Cortex-A53 and A72) CompiledModel dies with SIGILL while it
loads its GPU part, and the run on the CPU must not die with it. What CompiledModel says of itself is not
enough: asked for an NPU that is not there with the CPU to help, it runs on the CPU and reports full
acceleration. So the accelerator is tried alone first, and its outputs are compared with the interpreter's.
"""

from __future__ import annotations

import dataclasses
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Mapping, Optional, Protocol, Sequence, cast

import numpy as np

from device_runners.agent.job import AcceleratorAnswer, AcceleratorJob, Job
from device_runners.agent.measure import Plan, time_runs, warm_up
from device_runners.agent.runtime import Interpreter
from edgeprune import jsonable
from edgeprune.errors import EdgepruneError
from edgeprune.run_parts import AcceleratedRun, OutputDifference, summarize

_INPUTS, _OUTPUTS = "accelerator_inputs.npz", "accelerator_outputs.npz"
_LONGEST_S = 120.0
_OTHER = 0.02  # of the largest output: more is another answer, and what half precision alone does not explain
_MOST_BYTES = 1 << 20
_LACKING: dict[str, tuple[str, ...]] = {
    "cpu": (), "gpu": ("No adapters found", "Failed to initialize WebGPU environment"),
    "npu": ("No compiler plugin found", "NPU accelerator could not be loaded"),
}

# TensorFlow Lite's own words; XNNPACK is the CPU.
_REPLACED = re.compile(r"Replacing (\d{1,6}) out of (\d{1,6}) node\(s\) with delegate \((?!\w*XNNPack)")
_SOME = "some operators ran on the CPU (LiteRT does not tell which)"

Samples = Sequence[Sequence[np.ndarray]]  # for each sample, one array for each input


def run_accelerated(job: Job, model: str, interpreter: Interpreter, given: Samples) -> AcceleratedRun:
    """Ask a child process for the accelerator; whatever happens to it becomes a reason."""
    reference = _reference(interpreter, given)
    asked = AcceleratorJob(model, str(job.accelerator), job.settings, job.min_time_s, len(given))
    found = _judged(asked, _ask(asked), reference)
    if found.state == "other outputs" and asked.accelerator == "gpu":
        exact = dataclasses.replace(asked, full_precision=True)
        retried = _judged(exact, _ask(exact), reference)
        found = retried if retried.state in ("full", "partial") else found
    return found


def _reference(interpreter: Interpreter, given: Samples) -> dict[str, np.ndarray]:
    """The interpreter's outputs by ``SAMPLE_TENSOR``; the inputs go into a file for the child."""
    inputs: dict[str, np.ndarray] = {}
    outputs: dict[str, np.ndarray] = {}
    for number, arrays in enumerate(given):
        for detail, array in zip(interpreter.get_input_details(), arrays):
            interpreter.set_tensor(detail["index"], array)
            inputs[f"{number}_{detail['index']}"] = array
        interpreter.invoke()
        for detail in interpreter.get_output_details():
            outputs[f"{number}_{detail['index']}"] = interpreter.get_tensor(detail["index"]).copy()
    np.savez(_INPUTS, **inputs)  # type: ignore[arg-type]
    return outputs


def _ask(asked: AcceleratorJob) -> AcceleratorAnswer:
    command = [sys.executable, "-B", sys.argv[0], "accelerated"]
    Path(_OUTPUTS).unlink(missing_ok=True)
    try:
        text = jsonable.dumps(asked).encode()
        done = subprocess.run(  # noqa: S603  (this very program)
            command, input=text, capture_output=True, timeout=_LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return AcceleratorAnswer("unavailable", f"it did not answer within {_LONGEST_S:.0f} s")
    if done.returncode < 0:
        name = next((one.name for one in signal.Signals if one == -done.returncode), str(-done.returncode))
        return AcceleratorAnswer("unavailable", f"LiteRT crashed with {name} while it loaded or ran it")
    printed = done.stderr.decode(errors="replace")
    try:
        answer = jsonable.loads(AcceleratorAnswer, done.stdout[:_MOST_BYTES], "The answer")
    except EdgepruneError:
        lines = printed.strip().splitlines() or [f"exit code {done.returncode}"]
        return AcceleratorAnswer("unavailable", lines[-1][-200:])
    return _with_log(answer, printed, asked)


def _with_log(answer: AcceleratorAnswer, printed: str, asked: AcceleratorJob) -> AcceleratorAnswer:
    """LiteRT logs what it lacks and what it takes, and tells its caller nothing of it."""
    lacking = next((text for text in _LACKING[asked.accelerator] if text in printed), None)
    if answer.state == "partial":
        taken = _REPLACED.search(printed)
        left = f"{int(taken[2]) - int(taken[1])} of {taken[2]} operators ran on the CPU" if taken else _SOME
        answer = dataclasses.replace(answer, reason=left)
    if answer.state == "full" or lacking is None:
        return answer
    # A model that was compiled for an NPU before needs no compiler on the device.
    if answer.state == "partial" and b"DISPATCH_OP" in Path(asked.model).read_bytes():
        return answer
    return AcceleratorAnswer("unavailable", lacking)


def _judged(
    asked: AcceleratorJob, answer: AcceleratorAnswer, reference: Mapping[str, np.ndarray]
) -> AcceleratedRun:
    precision = "fp32" if asked.full_precision or asked.accelerator != "gpu" else "fp16"
    if answer.state == "unavailable" or not answer.latency_ns:
        return AcceleratedRun(asked.accelerator, "unavailable", answer.reason, precision)
    with np.load(_OUTPUTS, allow_pickle=False) as file:
        outputs = {name: file[name] for name in file.files}
    differences: dict[str, float] = {}
    for name, expected in reference.items():
        output = name.partition("_")[2]
        differences[output] = max(differences.get(output, 0.0), _difference(outputs.get(name), expected))
    state = "other outputs" if max(differences.values()) > _OTHER else answer.state
    listed = tuple(OutputDifference(name, value) for name, value in differences.items())
    return AcceleratedRun(
        asked.accelerator, state, answer.reason, precision, summarize(answer.latency_ns), listed
    )


def _difference(found: Optional[np.ndarray], expected: np.ndarray) -> float:
    """The largest difference as a part of the largest expected value; 1 for NaN, or for no such output."""
    if found is None or found.size != expected.size:
        return 1.0
    mine, its = (one.astype(np.float64).reshape(-1) for one in (found, expected))
    if not np.isfinite(mine).all():
        return 1.0
    largest = max(float(np.abs(its).max(initial=0.0)), 1e-9)
    return min(float(np.abs(mine - its).max(initial=0.0)) / largest, 1.0)


class _Buffer(Protocol):
    def write(self, data_array: np.ndarray) -> None: ...
    def read(self, num_elements: int, output_dtype: type) -> np.ndarray: ...


class _Compiled(Protocol):
    """LiteRT's CompiledModel."""

    def is_fully_accelerated(self) -> bool: ...
    def get_signature_list(self) -> dict[str, dict[str, list[str]]]: ...
    def get_input_tensor_details(self, signature_key: str) -> dict[str, dict[str, object]]: ...
    def get_output_tensor_details(self, signature_key: str) -> dict[str, dict[str, object]]: ...
    def create_input_buffers(self, signature_index: int) -> list[_Buffer]: ...
    def create_output_buffers(self, signature_index: int) -> list[_Buffer]: ...
    def run_by_index(self, index: int, inputs: list[_Buffer], outputs: list[_Buffer]) -> None: ...


def answer_accelerated(asked: AcceleratorJob, clock: Callable[[], int]) -> AcceleratorAnswer:
    """In the child: run it, and leave the outputs in a file."""
    try:
        state, reason, model = _open(asked)
        return AcceleratorAnswer(state, reason, tuple(_timed(model, asked, clock)))
    except ImportError as error:
        return AcceleratorAnswer("unavailable", f"the runtime has no CompiledModel ({error})"[:200])
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        return AcceleratorAnswer("unavailable", _last_line(error))


def _open(asked: AcceleratorJob) -> tuple[str, str, _Compiled]:
    """How it runs, why not full, and the model; raises what LiteRT raises."""
    try:
        return "full", "", _compiled(asked, with_cpu=False)
    except RuntimeError as error:
        reason = _last_line(error)
        if asked.accelerator == "cpu" or "not accelerated" not in reason:
            raise
    model = _compiled(asked, with_cpu=True)
    if model.is_fully_accelerated():  # alone it could not: all of it runs on the CPU
        raise RuntimeError(reason)
    return "partial", reason, model


def _compiled(asked: AcceleratorJob, *, with_cpu: bool) -> _Compiled:
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    kind = getattr(HardwareAccelerator, asked.accelerator.upper())
    kind = kind | HardwareAccelerator.CPU if with_cpu else kind
    if not asked.full_precision:
        return cast("_Compiled", CompiledModel.from_file(asked.model, hardware_accel=kind))
    from ai_edge_litert.gpu_options import GpuOptions
    from ai_edge_litert.options import Options

    options = Options(hardware_accelerators=kind, gpu_options=GpuOptions(enforce_f32=True))
    return cast("_Compiled", CompiledModel.from_file(asked.model, options=options))


def _timed(model: _Compiled, asked: AcceleratorJob, clock: Callable[[], int]) -> list[int]:
    key, names = next(iter(model.get_signature_list().items()))
    ins, outs = model.get_input_tensor_details(key), model.get_output_tensor_details(key)
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)

    def finish() -> dict[str, np.ndarray]:
        """One inference; an accelerator works on while the call returns, and reading waits for it."""
        model.run_by_index(0, inputs, outputs)
        return {
            str(outs[name]["index"]): np.asarray(buffer.read(*_size_and_type(outs[name])))
            for name, buffer in zip(names["outputs"], outputs)
        }

    found = {}
    with np.load(_INPUTS, allow_pickle=False) as file:
        for number in range(asked.samples):
            for name, buffer in zip(names["inputs"], inputs):
                buffer.write(file[f"{number}_{ins[name]['index']}"])
            found.update({f"{number}_{output}": array.copy() for output, array in finish().items()})
    np.savez(_OUTPUTS, **found)
    plan = Plan.of(asked.settings, asked.min_time_s)
    warm_up(finish, clock, plan)
    return time_runs(finish, clock, plan)


def _size_and_type(detail: dict[str, object]) -> tuple[int, type]:
    shape = cast("list[int]", detail["shape"])
    return int(np.prod(shape, dtype=np.int64)), np.dtype(str(detail["dtype"])).type


def _last_line(error: Exception) -> str:
    lines = [line.strip(" └\t") for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:200]
