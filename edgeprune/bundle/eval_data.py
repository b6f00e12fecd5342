"""`eval.npz`: samples to measure accuracy with on the device.

Arrays: `x` (N, …) raw samples before preprocessing, or `x_0`, `x_1`, … for a model with several inputs;
`y` (N, …) truth, or `y_0`, `y_1`, … for the outputs that have some. Never pickled.
"""

from __future__ import annotations

import dataclasses
import io
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
from numpy.lib import format as npy

from edgeprune.errors import InputError
from edgeprune.types import TensorInfo

_SAMPLE_BYTES = 4 << 20  # a sample may take as much whatever the model: a long text, a large picture
_BYTES_A_VALUE = 1024  # of an input or output, where raw samples are larger than what the model reads
_MOST_ARRAYS = 1000


@dataclasses.dataclass(frozen=True)
class EvalData:
    """One array (N, …) per model input, in the model's order, and the truth (N, …) of each output."""

    inputs: tuple[np.ndarray, ...]
    targets: tuple[Optional[np.ndarray], ...]  # noqa: UP045 - None for an output without labels

    def __len__(self) -> int:
        return len(self.inputs[0])

    @property
    def y(self) -> np.ndarray:
        """The truth of the first output that has some."""
        return next(y for y in self.targets if y is not None)

    def take(self, rows: slice) -> EvalData:
        """The samples `rows`."""
        targets = tuple(None if y is None else y[rows] for y in self.targets)
        return EvalData(tuple(array[rows] for array in self.inputs), targets)


def pack_eval(
    inputs: Sequence[np.ndarray],
    truth: Union[np.ndarray, Sequence[Optional[np.ndarray]]],  # noqa: UP007, UP045
) -> bytes:
    """Bytes of an `eval.npz` for one array per model input and one per output; see `EvalData`."""
    targets = (truth,) if isinstance(truth, np.ndarray) else truth
    named = zip((*_names("x", len(inputs)), *_names("y", len(targets))), (*inputs, *targets))
    arrays: dict[str, Any] = {name: array for name, array in named if array is not None}
    if any(array.dtype.hasobject for array in arrays.values()):
        raise InputError("Evaluation samples hold Python objects.", "Numbers or fixed-width text fit.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def load_eval(path: Path, tensors: Sequence[TensorInfo] = ()) -> EvalData:
    """Read an `eval.npz`; an `InputError` if it is damaged, pickled, incomplete or of unlike lengths.

    Nothing is unpacked before each header agrees with the size of its entry, and that with what samples of a
    model with these `tensors` can take and with the memory that is free.
    """
    largest = max((math.prod(one.shape) for one in tensors), default=0)
    try:
        with zipfile.ZipFile(path) as archive:
            problem = next(_size_problems(archive, max(_SAMPLE_BYTES, _BYTES_A_VALUE * largest)), None)
        if problem is None:
            with np.load(path, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
    # zlib, zipfile and numpy each raise errors of their own on bad bytes.
    except Exception as error:
        raise InputError(f"{path} cannot be read ({error}).", "Arrays x and y were expected.") from error
    if problem is not None:
        raise InputError(f"{path} cannot be right: {problem}.", "Samples for the model were expected.")
    inputs = [found[name] for name in _numbered("x", found) if name in found]
    targets = [found.get(name) for name in _numbered("y", found)]
    there = [y for y in targets if y is not None]
    if not there or not inputs or len(found) != len(inputs) + len(there):
        raise InputError(f"{path} holds {sorted(found)}.", "Arrays x (or x_0, x_1, …) and y were expected.")
    if len({len(array) if array.ndim else -1 for array in (*inputs, *there)}) != 1:
        raise InputError(
            f"{path} holds arrays of different lengths.", "One truth for each sample is expected.",
        )
    return EvalData(tuple(inputs), tuple(targets))


def _size_problems(archive: zipfile.ZipFile, most_a_sample: int) -> Iterator[str]:
    """Sizes that cannot be; a size in the archive's list is a limit for zipfile, whatever is packed."""
    entries = archive.infolist()
    if len(entries) > _MOST_ARRAYS or len({one.filename for one in entries}) != len(entries):
        yield f"it holds {len(entries)} arrays, or one of them twice"
        return
    for entry in entries:
        with archive.open(entry) as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(file)
            there = entry.file_size - file.tell()
        claimed = math.prod(shape) * dtype.itemsize  # Python's integers: nothing overflows
        if min(shape, default=0) < 0 or (claimed != there and not dtype.hasobject):
            yield f"{entry.filename[:60]!r} claims {claimed} bytes and holds {there}"
        if shape and claimed > most_a_sample * max(shape[0], 1):
            yield f"a sample of {entry.filename[:60]!r} takes {claimed // max(shape[0], 1)} bytes"
    total = sum(one.file_size for one in entries)
    if total > free_memory_bytes() // 2:
        yield f"it unpacks to {total} bytes, more than half of the memory that is free"


def free_memory_bytes() -> int:
    """Memory that can be had without swapping, as Linux estimates it; elsewhere all there is."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _names(letter: str, count: int) -> list[str]:
    return [letter] if count == 1 else [f"{letter}_{index}" for index in range(count)]


def _numbered(letter: str, found: Mapping[str, np.ndarray]) -> list[str]:
    """Names in the model's order; of the truth, numbers may be missing."""
    if letter in found:
        return [letter]
    numbers = [int(name[2:]) for name in found if re.fullmatch(letter + r"_[0-9]{1,4}", name)]
    return [f"{letter}_{index}" for index in range(max(numbers, default=-1) + 1)] if numbers else []
