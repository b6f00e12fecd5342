"""Data from a Python function, ``package.module:function``, called without arguments.

It may give:

    a Dataset of edgeprune                              as it is
    x | (x, y) | ((x_train, y_train), (x_test, y_test)) NumPy arrays; several inputs as a tuple or list in x
    {"x_train": ..., "y_train": ..., ...}               as in a .npz
    tf.data.Dataset of x or (x, y), or one a split      {"train": ..., "test": ...}; batched or not
    an iterator of batches x or (x, y), or one a split  a generator, for instance

The module is imported from the working folder or from what is installed. It is the user's own program;
nothing of it runs unless its name was typed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from edgeprune.data.arrays import from_arrays, from_parts
from edgeprune.data.check import check
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.disk_buffer import DiskBuffer
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.splits import ALIASES
from edgeprune.data.streamed import Samples
from edgeprune.data.text import texts_of
from edgeprune.errors import InputError

_INFINITE = -1  # tf.data.INFINITE_CARDINALITY
_EXPECTED = "A function that gives NumPy arrays, a tf.data.Dataset, or batches."


@runtime_checkable
class _TfDataset(Protocol):
    """What is read of a `tf.data.Dataset`."""

    element_spec: Any

    def cardinality(self) -> int: ...
    def batch(self, size: int) -> _TfDataset: ...
    def as_numpy_iterator(self) -> Iterable[object]: ...


def read_callable(request: DataRequest) -> Dataset:
    """Calls the function and reads what it gives."""
    function = _find(request.source)
    try:
        return _read(function(), request)
    except InputError:
        raise
    except Exception as error:  # the user's own code may raise anything
        raise InputError(
            f"{request.source} failed: {type(error).__name__}: {error}.", _EXPECTED,
            "Correct it; --debug shows where.",
        ) from error


def _find(source: str) -> Callable[[], object]:
    module_name, _, name = source.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # an import runs the user's own code
        raise InputError(
            f"The module {module_name!r} cannot be imported ({type(error).__name__}: {error}).",
            "package.module:function, found from the working folder, is expected.", "Check the name.",
        ) from error
    finally:
        sys.path.remove(here)
    function: Callable[[], object] | None = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{module_name} has no function {name!r}.", _EXPECTED, "Check the name.")
    return function


def _read(given: object, request: DataRequest) -> Dataset:
    source, name = request.source, request.source.partition(":")[2]
    if isinstance(given, Dataset):
        check(given, request.signature)
        return given
    if isinstance(given, Mapping) and any(str(key).startswith("x") for key in given):
        arrays = {str(key): _array(value, source) for key, value in given.items()}
        return from_arrays(arrays, name, source, request)
    parts = {split: _pair(part, source, request.signature) for split, part in _parts(given, source).items()}
    return from_parts(parts, name, source, request)


def _parts(given: object, source: str) -> dict[str, object]:
    if isinstance(given, Mapping):
        named = {ALIASES.get(str(key).lower(), str(key)): part for key, part in given.items()}
        if "train" not in named or not set(named) <= {"train", "validation", "test"}:
            raise InputError(
                f"{source} gives {', '.join(map(str, given))}.", "train, validation and test are expected.",
                "Rename them.",
            )
        return named
    if isinstance(given, tuple) and len(given) in (2, 3) and all(_is_part(part) for part in given):
        names = ("train", "test") if len(given) == 2 else ("train", "validation", "test")
        return dict(zip(names, given, strict=True))
    return {"train": given}


def _is_part(part: object) -> bool:
    return (isinstance(part, tuple) and len(part) == 2) or isinstance(part, _TfDataset)


def _pair(part: object, source: str, signature: ModelSignature | None) -> tuple[Samples, np.ndarray | None]:
    if isinstance(part, _TfDataset):
        return _buffered(_tf_batches(part, source, signature), source)
    if isinstance(part, tuple) and len(part) == 2:
        several = _are_arrays(part[0])
        x = tuple(_array(one, source) for one in part[0]) if several else _array(part[0], source)
        return x, _array(part[1], source)
    if isinstance(part, np.ndarray):
        return _array(part, source), None
    if isinstance(part, Iterable) and not isinstance(part, (str, bytes, Mapping)):
        return _buffered(iter(part), source)
    raise InputError(f"{source} gives {type(part).__name__}.", _EXPECTED, "Return one of them.")


def _are_arrays(x: object) -> bool:
    """Several inputs, and not one given as a list of its samples."""
    return isinstance(x, (tuple, list)) and len(x) > 0 and all(hasattr(part, "shape") for part in x)


def _array(values: ArrayLike, source: str) -> np.ndarray:
    """An array; texts as Python strings."""
    array = np.asarray(values)
    textual = array.dtype.kind in "US" or (array.dtype.kind == "O" and array.ndim == 1)
    return texts_of(array, source) if textual else array


def _tf_batches(dataset: _TfDataset, source: str, signature: ModelSignature | None) -> Iterator[object]:
    """NumPy batches of a `tf.data.Dataset`, whether it is batched or not."""
    if int(dataset.cardinality()) == _INFINITE:
        raise InputError(
            f"{source} gives a dataset without end.", "One that ends is expected.",
            "Leave repeat() out, or add take(n).",
        )
    spec = dataset.element_spec[0] if isinstance(dataset.element_spec, tuple) else dataset.element_spec
    spec = tuple(spec.values()) if isinstance(spec, dict) else spec
    first = spec[0] if isinstance(spec, tuple) else spec
    # A batch has one axis more than the model's input; without a model, an open first axis.
    rank = len(signature.inputs[0].shape) if signature is not None else None
    batched = first.shape.rank == rank + 1 if rank is not None else first.shape[:1] == [None]
    return iter((dataset if batched else dataset.batch(256)).as_numpy_iterator())


def _buffered(batches: Iterator[Any], source: str) -> tuple[Samples, np.ndarray | None]:
    """All samples of a stream of x or (x, y)."""
    x: list[DiskBuffer] = []
    y: DiskBuffer | None = None
    for batch in batches:
        labelled = len(batch) >= 2 and (isinstance(batch, tuple) or _are_arrays(batch))
        inputs = batch[0] if labelled else batch
        inputs = list(inputs.values()) if isinstance(inputs, Mapping) else inputs
        arrays = [np.asarray(one) for one in (inputs if _are_arrays(inputs) else (inputs,))]
        x = x or [DiskBuffer(source) for _ in arrays]
        if len(arrays) != len(x) or labelled != (y is not None or (labelled and not x[0].count)):
            raise InputError(
                f"{source} gives batches of unlike parts.", "x or (x, y) every time.", "Correct it."
            )
        for buffer, array in zip(x, arrays, strict=True):
            buffer.add(array)
        if labelled:
            y = y or DiskBuffer(source)
            y.add(np.asarray(batch[1]))
    samples = tuple(buffer.samples() for buffer in x or [DiskBuffer(source)])
    return samples if len(samples) > 1 else samples[0], None if y is None else np.asarray(y.samples())
