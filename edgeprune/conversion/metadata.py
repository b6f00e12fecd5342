"""TFLite metadata: labels and normalisation inside the file, as Android's tools read them.

Android Studio's model import and the Task and Support libraries look for a ``TFLITE_METADATA`` entry that
holds a small FlatBuffer (file identifier ``M001``), and for ``labels.txt`` in a zip at the file's end::

    [ .tflite FlatBuffer, metadata included ][ zip: labels.txt ]

Slot numbers below are those of tflite-support's ``metadata_schema.fbs`` 1.1.0, whose generated
classes are in a package that current Python versions cannot install.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from edgeprune.conversion import flatfile
from edgeprune.types import TensorInfo

LABELS = "labels.txt"
_ENTRY = b"TFLITE_METADATA"
_AXIS_LABELS = 2
_FEATURE, _IMAGE = 1, 2
_RGB, _GRAYSCALE = 1, 2
_NORMALIZATION = 1
_SHAPES = frozenset({"resize", "letterbox", "channels", "reshape", "pad_or_crop"})


def attach(
    tflite: bytes, name: str, labels: Sequence[str] = (), mean: Sequence[float] = (),
    std: Sequence[float] = (), description: str = "",
) -> bytes:
    """The file with metadata; what it had before is replaced.

    `labels` are class names of the first output; `mean` is what an app subtracts from a value of the first
    input, and `std` what it divides by then, for each channel or one for all. Both are empty if the model
    takes raw values; for pixels as floats that is written as 0 and 1, as Android's Task Library insists.
    """
    tree = flatfile.parse(tflite)
    tree.metadata = [entry for entry in tree.metadata or [] if entry.name != _ENTRY]
    entry = schema.MetadataT()
    entry.name = _ENTRY
    entry.buffer = flatfile.add_buffer(tree, _model(tree, name, description, labels, mean, std))
    tree.metadata.append(entry)
    packed = io.BytesIO(flatfile.pack(tree))
    if labels:
        with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
            # ZipInfo's own date is fixed, so equal models stay equal bytes.
            archive.writestr(zipfile.ZipInfo(LABELS), "".join(f"{label}\n" for label in labels))
    return packed.getvalue()


def normalization_of(steps: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the first input, as Android's tools take them.

    Scalings in a row are folded into one: with m, d so far, ``(x - m) / d`` rescaled by a and b is
    ``(x - (m - b d / a)) / (d / a)``, standardized by n and e it is ``(x - (m + n d)) / (d e)``.

    Each is for all channels or for one by one; both are empty where steps do more than scale, or nothing.
    What only changes size or shape is left out.
    """
    mean, std = np.zeros(1), np.ones(1)
    scaled = False
    for step in steps:
        if int(step.get("input", 0)) != 0 or step["op"] in _SHAPES:
            continue
        if step["op"] == "rescale":
            mean = mean - step.get("offset", 0.0) * std / step["scale"]
            std = std / step["scale"]
        elif step["op"] == "standardize":
            mean = mean + np.ravel(step["mean"]) * std
            std = std * np.ravel(step["std"])
        else:
            return (), ()
        scaled = True
    mean, std = np.broadcast_arrays(mean, std)
    return (tuple(mean.tolist()), tuple(std.tolist())) if scaled else ((), ())


def _model(
    tree: schema.ModelT, name: str, description: str, labels: Sequence[str], mean: Sequence[float],
    std: Sequence[float],
) -> bytes:
    builder = Builder(1024)
    inputs, outputs = flatfile.tensor_infos(tree)
    if not mean and inputs and _is_image(inputs[0]) and inputs[0].dtype == "float32":
        mean, std = (0.0,), (1.0,)
    units = _vector(builder, [_normalization(builder, mean, std)]) if mean else None
    tensors_in = [_tensor(builder, info, units if i == 0 else None, None) for i, info in enumerate(inputs)]
    files = _vector(builder, [_label_file(builder)]) if labels else None
    tensors_out = [_tensor(builder, info, None, files if i == 0 else None) for i, info in enumerate(outputs)]
    graph = _table(builder, 9, {2: _vector(builder, tensors_in), 3: _vector(builder, tensors_out)})
    fields = {
        0: builder.CreateString(name), 1: builder.CreateString(description), 3: _vector(builder, [graph]),
        7: builder.CreateString("1.0.0"),
    }
    builder.Finish(_table(builder, 8, fields), b"M001")
    return bytes(builder.Output())


def _tensor(builder: Builder, info: TensorInfo, units: int | None, files: int | None) -> int:
    """TensorMetadata: name 0, content 3, process_units 4, associated_files 6."""
    if _is_image(info):
        color = _RGB if info.shape[-1] == 3 else _GRAYSCALE
        kind, properties = _IMAGE, _table(builder, 2, {}, {0: color})
    else:
        kind, properties = _FEATURE, _table(builder, 0, {})
    content = _table(builder, 3, {1: properties}, {0: kind})
    fields = {0: builder.CreateString(info.name), 3: content, 4: units, 6: files}
    return _table(builder, 7, {slot: offset for slot, offset in fields.items() if offset is not None})


def _is_image(info: TensorInfo) -> bool:
    return len(info.shape) == 4 and info.shape[-1] in (1, 3)


def _label_file(builder: Builder) -> int:
    """AssociatedFile: name 0, description 1, type 2."""
    fields = {0: builder.CreateString(LABELS), 1: builder.CreateString("One class name a line.")}
    return _table(builder, 5, fields, {2: _AXIS_LABELS})


def _normalization(builder: Builder, mean: Sequence[float], std: Sequence[float]) -> int:
    """ProcessUnit with NormalizationOptions: mean 0, std 1."""
    values = (np.asarray(mean, np.float32), np.asarray(std, np.float32))
    fields = dict(enumerate(map(builder.CreateNumpyVector, values)))
    return _table(builder, 2, {1: _table(builder, 2, fields)}, {0: _NORMALIZATION})


def _table(builder: Builder, size: int, offsets: dict[int, int], small: dict[int, int] | None = None) -> int:
    """A table of offsets and of one-byte numbers, by slot."""
    builder.StartObject(size)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, number in (small or {}).items():
        builder.PrependUint8Slot(slot, number, 0)
    return int(builder.EndObject())


def _vector(builder: Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
