"""Which values of a manifest cannot be, so that nothing is computed or allocated because of them.

`edgeprune.jsonable` has checked kinds; here are ranges, and what must agree. Light on purpose: it travels to
the device.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Union

from edgeprune.types import Manifest, OutputTask, StepInfo, StreamInfo, TensorInfo

_DTYPE = re.compile(r"(?:u?int|float|bfloat|complex)[0-9]{1,3}|bool|string|resource|variant")
_INTEGER = re.compile(r"(u?)int([0-9]{1,2})")
_MOST_TENSORS = 1000
_MOST_AXES = 16
_MOST_VALUES = 1 << 28  # of a tensor: a GiB of floats
_MOST_BYTES = 1 << 40
_MOST_HZ = 10**7
_MOST_TOKENS = 4096  # that a sample's decoding writes, each by one run
_MOST_STEPS = 100
_SIZES = ("height", "width", "count", "shape", "samples", "length", "frame_length", "mel_bands", "to_hz")
_LONGEST_NAME = 1000
_HASH = re.compile(r"[0-9a-f]{64}")


def manifest_problems(manifest: Manifest) -> Iterator[str]:
    """What is impossible, in words."""
    yield from _tensors_problems("the model", manifest)
    if manifest.one_step:
        yield from _tensors_problems("streaming.tflite", manifest.one_step)
        yield from _preprocessing_problems(manifest.one_step.preprocessing)
    yield from _file_problems(manifest)
    names = (manifest.task, *manifest.metrics, *(label for task in manifest.tasks for label in task.classes))
    if max(map(len, names)) > _LONGEST_NAME:
        yield f"a name has {max(map(len, names))} characters"
    yield from _stream_problems(manifest.stream) if manifest.stream else ()
    yield from _task_problems(manifest)
    yield from _preprocessing_problems(manifest.preprocessing)


def _tensors_problems(owner: str, holder: Union[Manifest, StepInfo]) -> Iterator[str]:  # noqa: UP007
    for kind, tensors in (("input", holder.inputs), ("output", holder.outputs)):
        if not 0 < len(tensors) <= _MOST_TENSORS:
            yield f"{owner} has {len(tensors)} {kind}s"
        for one in tensors[:_MOST_TENSORS]:
            yield from (f"{kind} {one.name[:60]!r}: {problem}" for problem in _tensor_problems(one))


def _tensor_problems(one: TensorInfo) -> Iterator[str]:
    if not _DTYPE.fullmatch(one.dtype):
        yield f"the dtype is {one.dtype[:60]!r}"
    if len(one.shape) > _MOST_AXES or min(one.shape, default=1) < 1 or math.prod(one.shape) > _MOST_VALUES:
        yield f"the shape is {str(one.shape)[:100]}"
    if not (math.isfinite(one.scale) and one.scale >= 0):
        yield f"the scale is {one.scale:g}"
    low = high = 0
    integer = _INTEGER.fullmatch(one.dtype) if one.scale else None
    if integer:
        values = 1 << int(integer[2])
        low, high = (0, values - 1) if integer[1] else (-values // 2, values // 2 - 1)
    if not low <= one.zero_point <= high:
        yield f"the zero point is {one.zero_point} in {one.dtype[:60]} with the scale {one.scale:g}"
    if len(one.name) > _LONGEST_NAME:
        yield f"its name has {len(one.name)} characters"


def _file_problems(manifest: Manifest) -> Iterator[str]:
    for name, file in manifest.files.items():
        if not 0 <= file.bytes < _MOST_BYTES:
            yield f"{name[:60]!r} has {file.bytes} bytes"
        if not _HASH.fullmatch(file.sha256):
            yield f"the SHA-256 of {name[:60]!r} is {file.sha256[:70]!r}"
    if manifest.seal and not _HASH.fullmatch(manifest.seal):
        yield f"the seal is {manifest.seal[:70]!r}"


def _stream_problems(stream: StreamInfo) -> Iterator[str]:
    if not 0 < stream.sample_rate_hz <= _MOST_HZ:
        yield f"the stream has {stream.sample_rate_hz} samples a second"
    if not 0 < stream.hop_samples <= stream.window_samples * _MOST_TENSORS:
        yield f"the stream moves on by {stream.hop_samples} samples"
    if not 0 < stream.window_samples <= _MOST_VALUES:
        yield f"the stream's windows have {stream.window_samples} samples"


def _task_problems(manifest: Manifest) -> Iterator[str]:
    tasks, outputs = manifest.tasks, manifest.outputs
    if tasks and len(tasks) != len(outputs):
        yield f"it describes {len(tasks)} outputs, and the model has {len(outputs)}"
        return
    for task, output in zip(tasks, outputs):
        columns = [column for part in task.parts for column in part.columns]
        most = output.shape[-1] if output.shape else 1
        if columns and not 0 <= min(columns) <= max(columns) < most:
            yield f"output {output.name[:60]!r} has {most} columns, and column {max(columns)} is judged"
        yield from _decoding_problems(manifest, task, output)
    thresholds = [task.threshold for task in tasks]
    if not all(map(math.isfinite, (*thresholds, manifest.threshold or 0.0))):
        yield "a threshold is not a finite number"


def _decoding_problems(manifest: Manifest, task: OutputTask, output: TensorInfo) -> Iterator[str]:
    place = task.fed_back
    if place is None:
        return
    if not 0 <= place < len(manifest.inputs):
        yield f"output {output.name[:60]!r} is fed back into input {place}, which is not there"
        return
    shape = manifest.inputs[place].shape
    if len(shape) != 2 or len(output.shape) != 3 or not 0 < shape[1] <= min(output.shape[1], _MOST_TOKENS):
        yield f"outputs of the shape {output.shape} cannot be fed back into an input of the shape {shape}"


def _preprocessing_problems(steps: Sequence[Mapping[str, object]]) -> Iterator[str]:
    if len(steps) > _MOST_STEPS:
        yield f"it has {len(steps)} preprocessing steps"
    for step in steps[:_MOST_STEPS]:
        yield from _step_problems(step)


def _step_problems(step: Mapping[str, object]) -> Iterator[str]:
    """Sizes decide how much memory a step takes."""
    sizes = [size for name in _SIZES for size in _integers(step.get(name))]
    if math.prod(abs(size) for size in sizes if size) > _MOST_VALUES:
        yield f"the preprocessing step {str(step.get('op'))[:60]!r} has the sizes {str(sizes)[:100]}"


def _integers(value: object) -> Iterator[int]:
    for one in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(one, int) and not isinstance(one, bool):
            yield one
