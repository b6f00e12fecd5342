"""The bundle's evaluation samples as input tensors, and metrics from output tensors.

The host uses the same functions to write the native runner's job and to read its outputs, so that both
runners see the same bytes.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import Callable, Optional, Sequence

import numpy as np

from device_runners.agent.runtime import Interpreter
from device_runners.agent.tensors import dequantize, quantize
from edgeprune.bundle.eval_data import EvalData
from edgeprune.bundle.read import Bundle
from edgeprune.errors import InputError
from edgeprune.run_parts import Predictions
from edgeprune.types import OutputTask, TargetKind, TensorInfo

_TIMED_SAMPLES = 20
_MAX_DATA_BYTES = 4 << 20


@dataclasses.dataclass(frozen=True)
class EvaluationSamples:
    """The bundle's samples (N, …) as they are and as input tensors."""

    bundle: Bundle
    data: EvalData
    inputs: tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """What the evaluation samples gave."""

    preprocess_ns: tuple[int, ...] = ()
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    samples: int = 0
    predictions: tuple[Predictions, ...] = ()
    notes: tuple[str, ...] = ()


def model_inputs(bundle: Bundle, data: EvalData, infos: Sequence[TensorInfo]) -> list[np.ndarray]:
    """One array (N, …) per model input, preprocessed and quantized; an `InputError` where they do not fit."""
    from edgeprune import preprocessing

    if len(data.inputs) != len(infos):
        found = f"{bundle.path}/eval.npz feeds {len(data.inputs)} inputs."
        raise InputError(found, f"The model has {len(infos)}.")
    raw = data.inputs if len(infos) > 1 else data.inputs[0]
    ready = preprocessing.apply(bundle.manifest.preprocessing, raw, bundle.path)
    arrays = ready if isinstance(ready, tuple) else (ready,)
    try:
        return [quantize(np.asarray(array), info) for array, info in zip(arrays, infos)]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The samples of {bundle.path} do not fit the model's input ({error}).",
            f"Expected {[info.shape for info in infos]} after preprocessing.",
        ) from error


def time_preprocessing(
    bundle: Bundle, data: EvalData, infos: Sequence[TensorInfo], clock: Callable[[], int]
) -> list[int]:
    """Nanoseconds from raw sample to input tensor, for each of the first samples, one by one."""
    times = []
    for index in range(min(len(data), _TIMED_SAMPLES)):
        one = data.take(slice(index, index + 1))
        started = clock()
        model_inputs(bundle, one, infos)
        times.append(clock() - started)
    return times


def first(data: EvalData, count: Optional[int]) -> EvalData:
    """The first `count` samples; all of them for None."""
    return data.take(slice(count))


def result_of(
    given: EvaluationSamples, outputs: Sequence[np.ndarray], input_infos: Sequence[TensorInfo],
    output_infos: Sequence[TensorInfo], *, one_pass: bool = False,
) -> EvaluationResult:
    """Predictions from the raw outputs (N, …) of these samples, and the metrics of every output.

    With `one_pass` nothing was decoded: metrics that need that are left out.
    """
    from edgeprune.tasks.greedy import sure_of_one_pass
    from edgeprune.tasks.scoring import figures

    manifest, real = given.bundle.manifest, [dequantize(*pair) for pair in zip(outputs, output_infos)]
    tasks = manifest.tasks or (_only_task(given.bundle),)
    found = figures(
        sure_of_one_pass(tasks) if one_pass else tasks, given.data.targets, real,
        dequantize(given.inputs[0], input_infos[0]), manifest.threshold,
    )
    return EvaluationResult(
        metrics={name: float(value) for name, value in found.items()}, samples=len(outputs[0]),
        predictions=tuple(map(_predictions, outputs, output_infos)),
    )


def set_sample(interpreter: Interpreter, inputs: Sequence[np.ndarray], index: int) -> None:
    """Give the model one of the samples."""
    for detail, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], array[index : index + 1])


def _only_task(bundle: Bundle) -> OutputTask:
    """Of a bundle that an earlier edgeprune wrote: its metrics are those of the first output."""
    manifest, labels = bundle.manifest, tuple[str, ...]()
    if "labels.txt" in manifest.files:
        labels = tuple(bundle.file("labels.txt").read_text(encoding="utf-8").splitlines())
    kind: TargetKind = "values"  # labels go to the metrics as they are
    if any(name.startswith("anomaly_") for name in manifest.metrics):
        kind = "anomaly"
    return OutputTask(kind, tuple(manifest.metrics), classes=labels)


def _predictions(output: np.ndarray, info: TensorInfo) -> Predictions:
    """A raw output tensor (N, …) in the record's form."""
    content = np.ascontiguousarray(output).tobytes()
    text = base64.b64encode(content).decode() if len(content) <= _MAX_DATA_BYTES else ""
    return Predictions(info.name, output.dtype.name, output.shape, hashlib.sha256(content).hexdigest(), text)
