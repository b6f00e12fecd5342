"""Samples and labels in memory, in every form that `fit` takes and a few more; what a source may give.

    Dataset of edgeprune                             as it is
    a function                                       what it gives, called without arguments
    x                                                samples alone: an array, a DataFrame, a list of texts
    (x, y), (x, y, weights)                          also pandas' DataFrame and Series, lists, tensors
    {"x_train": ..., "y_train": ...}                 as in a .npz; {"x": {NAME: ...}, "y": ...} too
    tf.data, Sequence, PyDataset, generator          of x, (x, y) or (x, y, weights); see `streams`
    (part, part), (part, part, part)                 training, (validation,) test: pairs or streams
    {"train": part, "validation": part, "test": part}

For several inputs x is a tuple or list in the model's order, or a dictionary by name; y alike for outputs.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from edgeprune.data.array_names import sort_by_name
from edgeprune.data.arrays import from_arrays, from_parts
from edgeprune.data.check import check
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.disk_buffer import DiskBuffer
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.splits import ALIASES, NAMES
from edgeprune.data.streamed import Array, Samples
from edgeprune.data.streams import batches, check_bounds, is_sample, is_stream, tells_its_end
from edgeprune.data.text import texts_of
from edgeprune.errors import InputError
from edgeprune.tasks import Targets

_MISSING = ("NoneType", "NAType", "NaTType")  # of Python and pandas
_DENSE = {"RaggedTensor": "to_tensor()", "SparseTensor": "tf.sparse.to_dense()"}
_FOR_ALL = "all"  # weights that are those of every output
_EXPECTED = (
    "Expected NumPy arrays, pandas frames, a tf.data.Dataset, a Keras Sequence, or a generator of batches."
)


T = TypeVar("T")


@dataclasses.dataclass(frozen=True, eq=False)
class GivenSplit:
    """Samples of one split, in the model's order of inputs; labels by output; what samples count."""

    x: Samples
    y: np.ndarray | Targets | None
    weights: np.ndarray | Targets | None = None


def read_given(given: object, request: DataRequest, name: str = "data") -> Dataset:
    """A checked `Dataset` of what is in memory, or of what a user's function gave.

    Raises:
        InputError: it is of no known form, does not end, or does not fit the model.
    """
    try:
        return _read(given, request, name)
    except InputError:
        raise
    except Exception as error:  # a generator is the user's own code, which may raise anything
        raise InputError(
            f"{request.source} failed: {type(error).__name__}: {error}.", _EXPECTED,
            "Correct it; --debug shows where.",
        ) from error


def holds_named_arrays(given: Mapping[Any, object]) -> bool:
    """Whether the names are those of arrays, such as x_train, and not of splits."""
    return not given or any(str(key).lower() not in ALIASES for key in given)


def _read(given: object, request: DataRequest, name: str) -> Dataset:
    if inspect.isroutine(given) or isinstance(given, functools.partial):
        given = given()
    if isinstance(given, Dataset):
        check(given, request.signature)
        return given
    reader = ContainerReader(request.source, request.signature, request.settings.steps)
    if isinstance(given, Mapping) and holds_named_arrays(given):
        return from_arrays(reader.named(given), name, request.source, request)
    splits = {split: reader.split(part) for split, part in reader.parts(given).items()}
    return from_parts(
        {split: (one.x, one.y) for split, one in splits.items()}, name, request.source, request,
        weights={split: one.weights for split, one in splits.items() if one.weights is not None},
    )


@dataclasses.dataclass(frozen=True)
class ContainerReader:
    """Reads containers for one model; `source` is what messages call them."""

    source: str
    signature: ModelSignature | None = None
    steps: int | None = None  # elements of a stream that are read
    most: int | None = None  # samples of a stream that are enough

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the model's inputs; none where there is no model."""
        return () if self.signature is None else tuple(one.name for one in self.signature.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs; none where there is no model."""
        return () if self.signature is None else tuple(one.name for one in self.signature.each_output)

    def parts(self, given: object) -> dict[str, object]:
        """The splits in a container, by name; ``train`` alone where it has no others."""
        if isinstance(given, Mapping):
            named = {ALIASES[str(key).lower()]: part for key, part in given.items()}
            if "train" not in named or len(named) != len(given):
                raise InputError(
                    f"{self.source} gives {', '.join(map(str, given))}.",
                    "train, validation and test are expected.", "Rename them.",
                )
            return named
        if isinstance(given, tuple) and len(given) in (2, 3) and all(map(self._is_part, given)):
            names = NAMES if len(given) == 3 else ("train", "test")
            return dict(zip(names, given, strict=True))
        return {"train": given}

    def _is_part(self, part: object) -> bool:
        """Whether something is a split of its own: a stream, or samples with labels.

        ((a, b), (c, d)) for a model of two inputs are these and two labels.
        """
        if not isinstance(part, tuple):
            return is_stream(part)
        several = len(self.inputs) > 1
        return len(part) in (2, 3) and (not several or isinstance(part[0], (tuple, list, Mapping)))

    def split(self, part: object) -> GivenSplit:
        """One split in any form."""
        if is_stream(part) or (isinstance(part, list) and self._is_batches(part)):
            return self._streamed(part)
        if isinstance(part, tuple) and len(part) in (2, 3) and not self._is_inputs(part):
            x, y, *weights = part
            return GivenSplit(self._samples(x), self._targets(y), self._weights(*weights))
        if isinstance(part, (str, bytes)) or not (hasattr(part, "__len__") or hasattr(part, "shape")):
            raise InputError(f"{self.source} gives {type(part).__name__}.", _EXPECTED, "Pass one of them.")
        return GivenSplit(self._samples(part), None)

    def _is_inputs(self, part: tuple[object, ...]) -> bool:
        """Whether a tuple holds the arrays of all inputs, without labels."""
        if len(part) != len(self.inputs) or not _are_arrays(part):
            return False
        shapes = [_shape(one)[1:] for one in part]
        signature = self.signature
        return signature is not None and all(
            one.takes(shape) for one, shape in zip(signature.inputs, shapes, strict=True)
        )

    def _is_batches(self, part: list[object]) -> bool:
        """Whether a list holds batches (x, y), or of samples alone, and neither samples nor inputs."""
        if part and all(isinstance(one, tuple) for one in part):
            return True
        if not _are_arrays(part) or len(self.inputs) == len(part) > 1:
            return False
        return self.signature is None or not is_sample(_shape(part[0]), self.signature.inputs[0].shape)

    def named(self, given: Mapping[Any, object], prefix: str = "") -> dict[str, np.ndarray]:
        """Arrays by name; those of a dictionary, a tuple or a list inside are called ``x_NAME``, ``x_0``."""
        found: dict[str, np.ndarray] = {}
        several = self.signature is None or len(self.inputs) > 1 or len(self.outputs) > 1
        for key, value in given.items():
            name = f"{prefix}{key}"
            if isinstance(value, Mapping):
                found |= self.named(value, f"{name}_")
            elif several and isinstance(value, (tuple, list)) and _are_arrays(value):
                found |= self.named(dict(enumerate(value)), f"{name}_")
            elif value is not None:
                found[name] = self.array(value)
        return found

    def array(self, values: object) -> np.ndarray:
        """One array; texts as Python strings, a frame's columns as numbers of one dtype."""
        if (kind := type(values).__name__) in _DENSE:
            raise InputError(f"{self.source} gives a {kind}.", _EXPECTED, f"Convert it with {_DENSE[kind]}.")
        if hasattr(values, "to_numpy"):
            values = values.to_numpy()
        try:
            array = np.asarray(values)
        except (TypeError, ValueError) as error:
            uneven = "samples of different lengths" if "inhomogeneous" in str(error) else str(error)
            found = f"{self.source} gives values that make no array: {uneven}."
            raise InputError(found, _EXPECTED, "Pad, crop or convert them.") from error
        if array.dtype.kind == "O":
            array = _numbers_of(array)
        textual = array.dtype.kind in "US" or (array.dtype.kind == "O" and array.ndim == 1)
        return texts_of(array, self.source) if textual else array

    def _samples(self, x: object) -> Samples:
        arrays = tuple(map(self.array, self._in_order(x, self.inputs, "input")))
        return arrays if len(arrays) > 1 else arrays[0]

    def _targets(self, y: object) -> np.ndarray | Targets | None:
        if y is None:
            return None
        arrays = tuple(
            None if one is None else self.array(one) for one in self._in_order(y, self.outputs, "output")
        )
        return arrays if len(arrays) > 1 else arrays[0]

    def _weights(self, weights: object = None) -> np.ndarray | Targets | None:
        """For all outputs, or for each of several."""
        if weights is None:
            return None
        found = self._in_order(weights, self.outputs, "output")
        arrays = tuple(None if one is None else self.array(one) for one in found)
        return arrays if len(arrays) > 1 else arrays[0]

    def _in_order(self, value: Any, names: Sequence[str], what: str) -> list[object]:
        """The arrays of all inputs or outputs, in the model's order; None for an output without labels."""
        columns = [str(name) for name in getattr(value, "columns", ())]
        if len(names) > 1 and set(names) <= set(columns):  # a frame with a column for each input
            value = {name: value[name] for name in names}
        if isinstance(value, Mapping):
            return self._by_name(value, names, what)
        if not isinstance(value, (tuple, list)) or not self._is_several(value, names):
            return [value]
        found = list(value)
        if names and len(found) != len(names):
            raise InputError(
                f"{self.source} gives {len(found)} arrays for the model's {what}s.",
                f"It has {len(names)}: {', '.join(names)}.", "Pass one array for each, in this order.",
            )
        return found

    @staticmethod
    def _is_several(values: Sequence[object], names: Sequence[str]) -> bool:
        """Whether a list holds one array for each input (or output), and not one for each sample."""
        if len(names) == 1:
            return len(values) == 1 and _are_arrays(values) and len(_shape(values[0])) > 0
        return _are_arrays(values) or len(values) == len(names) > 1

    def _by_name(self, value: Mapping[Any, object], names: Sequence[str], what: str) -> list[object]:
        given = {str(key): one for key, one in value.items()}
        if not names or (len(names) == len(given) == 1):
            return list(given.values())
        unknown = [name for name in given if name not in names]
        missing = [name for name in names if name not in given]
        if unknown or (missing and what == "input") or not given:
            raise InputError(
                f"{self.source} gives {', '.join(given) or 'nothing'} for the model's {what}s.",
                f"Expected {', '.join(names)}.", "Use the model's own names.",
            )
        return [given.get(name) for name in names]

    def _streamed(self, stream: object) -> GivenSplit:
        """All samples of a stream, which is read once."""
        bounded = self.steps is not None or self.most is not None or tells_its_end(stream)
        stops, buffers = self.most is not None, _Buffers(self)
        for element in batches(stream, self.source, self.signature, self.steps, bounded=stops):
            buffers.add(element)
            if self.most is not None and buffers.samples >= self.most:
                break
            if not bounded:
                check_bounds(buffers.samples, buffers.size_bytes, self.source)
        return buffers.split()


class _Buffers:
    """The arrays of one stream, by what they are: x_0, y_1, w, or a dictionary's own names."""

    def __init__(self, reader: ContainerReader) -> None:
        self._reader = reader
        self._buffers: dict[tuple[str, str], DiskBuffer] = {}
        self.samples = self.size_bytes = 0

    def add(self, element: object) -> None:
        """Takes a batch or a sample: x, (x, y), (x, y, weights), or arrays by name."""
        found = self._arrays(element)
        if self._buffers and found.keys() != self._buffers.keys():
            raise InputError(
                f"{self._reader.source} gives batches of different parts.",
                "x or (x, y) is expected every time.",
                "Correct it.",
            )
        first = next(iter(found.values()))
        signature = self._reader.signature
        expected = () if signature is None or first.dtype.kind == "O" else signature.inputs[0].shape
        alone = not first.ndim or (signature is not None and is_sample(first.shape, expected))
        for key, array in found.items():
            buffer = self._buffers.setdefault(key, DiskBuffer(self._reader.source))
            buffer.add(array[None] if alone else array)
            self.size_bytes += array.nbytes
        self.samples += 1 if alone else len(first)

    def _arrays(self, element: object) -> dict[tuple[str, str], np.ndarray]:
        reader = self._reader
        if isinstance(element, Mapping) and not set(map(str, element)) <= set(reader.inputs):
            return {("named", name): array for name, array in reader.named(element).items()}
        labelled = isinstance(element, (tuple, list)) and len(element) in (2, 3) and (
            isinstance(element, tuple) or _are_arrays(element)
        )
        parts = tuple(element) if labelled else (element,)  # type: ignore[arg-type]
        found: dict[tuple[str, str], np.ndarray] = {}
        orders = ((reader.inputs, "input"), (reader.outputs, "output"), (reader.outputs, "output"))
        for role, part, (names, what) in zip("xyw", parts, orders, strict=False):
            if part is None:
                continue
            several = reader._in_order(part, names, what)  # noqa: SLF001  (one module)
            for number, one in enumerate(several):
                if one is not None:
                    key = _FOR_ALL if role == "w" and len(several) == 1 else str(number)
                    found[role, key] = reader.array(one)
        return found

    def split(self) -> GivenSplit:
        """All samples."""
        arrays = {key: buffer.samples() for key, buffer in self._buffers.items()}
        if not arrays:
            found = f"{self._reader.source} gives no samples."
            raise InputError(found, "At least one batch is expected.", "Check the source.")
        if next(iter(arrays))[0] == "named":
            return self._sorted({name: array for (_, name), array in arrays.items()})
        labels = {int(number): np.asarray(array) for (role, number), array in arrays.items() if role == "y"}
        weights = {number: np.asarray(array) for (role, number), array in arrays.items() if role == "w"}
        outputs = max(len(self._reader.outputs), len(labels))
        return GivenSplit(
            _one_or_all(tuple(array for (role, _), array in arrays.items() if role == "x")),
            _one_or_all(tuple(map(labels.get, range(outputs)))) if labels else None,
            _weights_of(weights, outputs),
        )

    def _sorted(self, arrays: Mapping[str, Array]) -> GivenSplit:
        """By what the names say, such as image and label."""
        found = sort_by_name(arrays, self._reader.source, self._reader.signature).splits["train"]
        weights: np.ndarray | Targets | None
        if isinstance(found.weights, tuple):
            weights = tuple(None if one is None else np.asarray(one) for one in found.weights)
        else:
            weights = None if found.weights is None else np.asarray(found.weights)
        labels = tuple(None if y is None else np.asarray(y) for y in found.y)
        return GivenSplit(_one_or_all(found.x), _one_or_all(labels), weights)


def _weights_of(found: Mapping[str, np.ndarray], outputs: int) -> np.ndarray | Targets | None:
    """For all outputs, or by the number of each."""
    if not found or _FOR_ALL in found:
        return found.get(_FOR_ALL)
    return tuple(found.get(str(number)) for number in range(outputs))


def _one_or_all(arrays: tuple[T, ...]) -> T | tuple[T, ...]:
    return arrays if len(arrays) > 1 else arrays[0]


def _are_arrays(values: Sequence[object]) -> bool:
    return len(values) > 0 and all(hasattr(value, "shape") for value in values)


def _shape(array: object) -> tuple[int, ...]:
    return tuple(getattr(array, "shape", ()))


def _numbers_of(array: np.ndarray) -> np.ndarray:
    """Numbers in objects, as a frame of several dtypes gives them; missing ones are NaN. Texts stay."""
    kinds = {type(value) for value in array.flat}
    if not kinds or any(issubclass(kind, (str, bytes)) for kind in kinds):
        return array
    try:
        if all(issubclass(kind, (int, np.integer, np.bool_)) for kind in kinds):
            return array.astype(np.int64)
        numbers = [np.nan if type(one).__name__ in _MISSING else float(one) for one in array.flat]
        return np.array(numbers, np.float32).reshape(array.shape)
    except (TypeError, ValueError, OverflowError):
        return array
