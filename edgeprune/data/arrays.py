"""Data in NumPy files: `.npz`, `.npy`, or a folder of `.npy`.

    x_train, y_train, x_validation, y_validation, x_test, y_test     splits as they are, where present
    x, y                                                             the splits are drawn
    x_train_0, x_train_1, ...  or  x_0, x_1, ...                     several inputs, in the model's order
    x_NAME, y_NAME                                                   of the model's inputs and outputs by name

`edgeprune.data.array_names` knows more names for the same. Labels may be missing. A bare `x.npy` takes its
labels from a `y.npy` beside it, where there is one. Samples are as the model takes them; axes of size 1 are
added or dropped, and whole numbers become float.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeprune.data.archive import read_npy, read_npz_arrays
from edgeprune.data.array_names import NamedSplit, sort_by_name
from edgeprune.data.channel_order import AS_IT_IS, order_steps
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, RawParts, build_dataset
from edgeprune.data.labels import RawTargets
from edgeprune.data.model_signature import InputSignature
from edgeprune.data.sample_weights import RawWeights
from edgeprune.data.streamed import Array, Samples, parts_of
from edgeprune.data.text import strings, text_preprocessing
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step


def read_npz(request: DataRequest) -> Dataset:
    """Reads an archive of samples."""
    return from_arrays(read_npz_arrays(request.path), request.path.stem, request.path.name, request)


def read_npy_files(request: DataRequest) -> Dataset:
    """Reads a `.npy` of samples, or a folder of them named as an archive's arrays."""
    path = request.path
    if path.is_dir():
        arrays = {file.stem: read_npy(file) for file in sorted(path.glob("*.npy"))}
    else:
        arrays = {"x": read_npy(path)}
        beside = path.with_name("y.npy")
        if path.name == "x.npy" and beside.is_file():
            arrays["y"] = read_npy(beside)
    return from_arrays(arrays, path.stem, path.name, request)


def from_arrays(arrays: Mapping[str, Array], name: str, source: str, request: DataRequest) -> Dataset:
    """A `Dataset` of arrays by name; see the module."""
    found = sort_by_name(arrays, source, request.signature)
    parts = {split: _pair(named, source) for split, named in found.splits.items()}
    weights = {
        split: named.weights for split, named in found.splits.items() if named.weights is not None
    }
    skipped = [f"Arrays of {source} that are not used: {', '.join(found.unused)}."] if found.unused else []
    return from_parts(
        parts, name, source, request, classes=found.classes, weights=weights, skipped=tuple(skipped)
    )


def from_parts(
    parts: RawParts, name: str, source: str, request: DataRequest, *,
    classes: tuple[str, ...] | None = None, weights: RawWeights | None = None,
    skipped: tuple[str, ...] = (),
) -> Dataset:
    """A `Dataset` of samples and labels by split."""
    return build_dataset(
        request, request.likely_task, parts, lambda train: array_preprocessing(train, request),
        name=name, source=source, classes=classes, weights=weights, skipped=skipped,
    )


def _pair(named: NamedSplit, source: str) -> tuple[Samples, RawTargets]:
    x = tuple(_samples(array, source) for array in named.x)
    return x if len(x) > 1 else x[0], named.y if len(named.y) > 1 else named.y[0]


def _samples(array: Array, source: str) -> Array:
    """Texts as Python strings; everything else must have an axis of samples."""
    if array.ndim == 0:
        raise InputError(
            f"{source} holds a single number.", "An array with one row for each sample is expected.",
            "Check the file.",
        )
    return strings(np.asarray(array)) if array.dtype.kind == "U" else array


def array_preprocessing(train: Split, request: DataRequest) -> Preprocessing:
    """Steps that bring samples into the model's form; nothing is scaled."""
    parts, signature = parts_of(train.x), request.signature
    same = signature is not None and len(signature.inputs) == len(parts)
    expected = signature.inputs if signature is not None and same else (None,) * len(parts)
    channels = request.settings.channels
    found = [_preprocessing(part, one, channels) for part, one in zip(parts, expected, strict=True)]
    if len(found) == 1:
        return found[0]
    if any(one.files for one in found):
        raise InputError(
            "One of several inputs holds texts.", "Texts are tokenized for models of one input only.",
            "Pass token numbers.",
        )
    return Preprocessing(
        tuple({**step, "input": i} for i, one in enumerate(found) for step in one.steps),
        notes=tuple(f"Input {i}: {note}" for i, one in enumerate(found) for note in one.notes),
    )


def _preprocessing(part: Array, expected: InputSignature | None, channels: str) -> Preprocessing:
    if part.dtype.kind == "O":
        return text_preprocessing(np.asarray(part), expected)
    shape, whole = part.shape[1:], expected is not None and expected.is_integer
    steps: tuple[Step, ...] = ()
    note = ""
    if expected is not None:
        integer = part.dtype.kind in "iu"
        steps, note = order_steps(shape, expected, channels, scaled=integer and not whole)
        if whole:
            steps = tuple(step for step in steps if step != AS_IT_IS)
        same = [size for size in shape if size != 1] == [size for size in expected.shape if size != 1]
        if not steps and same and not expected.takes(shape) and None not in expected.shape:
            steps = ({"op": "reshape", "shape": list(expected.shape)},)
    if part.dtype != np.float32 and part.dtype.kind in "biuf" and not whole and AS_IT_IS not in steps:
        steps = (*steps, AS_IT_IS)
    return Preprocessing(steps, notes=(note,) if note else ())
