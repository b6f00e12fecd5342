"""Write the native runner's job; `src/job.h` has the layout.

Samples are preprocessed and quantized here, by the functions the Python agent uses, so that both
runners feed the model the same bytes.
"""

import dataclasses
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device_runners.agent import samples, tensors
from device_runners.agent.input_shapes import set_input_shapes
from device_runners.agent.measure import Plan
from device_runners.agent.runtime import Interpreter, find_runtime, open_model
from device_runners.options import BenchOptions, Target
from edgeprune.bundle import EvalData
from edgeprune.bundle.read import EVAL
from edgeprune.errors import DeviceError, InputError
from edgeprune.types import TensorInfo

_HEAD = struct.Struct("<4s6I3Q2I")


@dataclasses.dataclass(frozen=True)
class NativeJob:
    """What a run is fed with: one array (N, …) per model input, and the evaluation samples behind them.

    Where `data` is None there are none, and `inputs` is noise.
    """

    inputs: tuple[np.ndarray, ...]
    input_infos: tuple[TensorInfo, ...]
    output_infos: tuple[TensorInfo, ...]
    data: EvalData | None


def prepare(target: Target, options: BenchOptions) -> NativeJob:
    """Load and preprocess samples on the host; an `InputError` for a model that does not fit or open here."""
    if options.shapes:
        raise InputError(
            "--shape was given.", "The native runner runs files of fixed sizes.", "Use --runner python."
        )
    if target.bundle is None:
        input_infos, output_infos = read_infos(target.model)
        return NativeJob(tuple(map(tensors.synthetic_input, input_infos)), input_infos, output_infos, None)
    manifest = target.bundle.manifest
    if EVAL not in manifest.files or options.eval_samples == 0:
        noise = tuple(map(tensors.synthetic_input, manifest.inputs))
        return NativeJob(noise, manifest.inputs, manifest.outputs, None)
    data = samples.first(target.bundle.samples(), options.eval_samples)
    inputs = samples.model_inputs(target.bundle, data, manifest.inputs)
    return NativeJob(tuple(inputs), manifest.inputs, manifest.outputs, data)


def read_infos(model: Path) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """Inputs and outputs of a bare model, by this machine's own runtime."""
    try:
        module, _ = find_runtime()
        interpreter = open_model(module, str(model), threads=1, xnnpack=False, set_sizes=_fixed)
    except DeviceError as error:
        found = f"{model} cannot be read on this machine: {error.found}"
        raise InputError(found, "", error.way_out) from error
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    return tuple(tensors.infos(inputs)), tuple(tensors.infos(outputs))


def _fixed(interpreter: Interpreter) -> None:
    try:
        set_input_shapes(interpreter, ())
    except InputError as error:
        raise InputError(
            error.found, "The native runner runs files of fixed sizes.",
            "Use --runner python with --shape, or convert the model with fixed sizes.",
        ) from error


def pack(inputs: Sequence[np.ndarray], options: BenchOptions, *, evaluate: bool) -> bytes:
    """The job's bytes, from one array (N, …) per model input, N at least 1.

    `evaluate` has the program send back every sample's outputs.
    """
    rows = [np.ascontiguousarray(array).reshape(len(array), -1) for array in inputs]
    plan = Plan.of(options.settings(), options.min_time_s)
    head = _HEAD.pack(
        b"EPJ1", options.threads, options.xnnpack, plan.runs, plan.warmup_runs,
        max(int(options.time_limit_s), 1), evaluate, plan.min_time_ns, plan.max_time_ns, plan.warmup_time_ns,
        len(rows), len(rows[0]),
    )
    sizes = b"".join(struct.pack("<Q", row.shape[1] * row.itemsize) for row in rows)
    content = b"".join(row[index].tobytes() for index in range(len(rows[0])) for row in rows)
    return head + sizes + content
