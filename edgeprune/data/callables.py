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
from typing import Any

import numpy as np

from edgeprune.data.arrays import fit_arrays, from_arrays, task_for
from edgeprune.data.assemble import Raw, dataset_of
from edgeprune.data.check import check
from edgeprune.data.dataset import Dataset, Samples
from edgeprune.data.labels import text_of
from edgeprune.data.splits import ALIASES
from edgeprune.data.spool import Spool
from edgeprune.data.text import strings
from edgeprune.data.wants import Wants
from edgeprune.errors import InputError

_INFINITE = -1  # tf.data.INFINITE_CARDINALITY
_EXPECTED = "A function that gives NumPy arrays, a tf.data.Dataset, or batches."


def read_callable(source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    """Calls the function and reads what it gives.

    Raises:
        InputError: no such module or function, an error in it, or nothing that could be data.
    """
    function = _find(source)
    try:
        given = function()
        return _read(given, source, task, wants, seed)
    except InputError:
        raise
    except Exception as error:  # the user's own code may raise anything
        raise InputError(
            f"{source} failed: {type(error).__name__}: {error}.", _EXPECTED,
            "Correct it; --debug shows where.",
        ) from error


def _find(source: str) -> Callable[[], Any]:
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
    found = getattr(module, name, None)
    if not callable(found):
        raise InputError(f"{module_name} has no function {name!r}.", _EXPECTED, "Check the name.")
    function: Callable[[], Any] = found
    return function


def _read(given: Any, source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    name = source.partition(":")[2]
    if isinstance(given, Dataset):
        check(given, wants)
        return given
    if isinstance(given, Mapping) and any(str(key).startswith("x") for key in given):
        arrays = {str(key): _array(value) for key, value in given.items()}
        return from_arrays(arrays, name, source, task, wants, seed)
    parts = {split: _pair(part, source, wants) for split, part in _parts(given, source).items()}
    raw = Raw(parts, name, source)
    return dataset_of(raw, task or task_for(wants), wants, seed, lambda train: fit_arrays(train, wants))


def _parts(given: Any, source: str) -> dict[str, Any]:
    """What was given for each split."""
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


def _is_part(part: Any) -> bool:
    return (isinstance(part, tuple) and len(part) == 2) or _is_tf_data(part)


def _is_tf_data(part: Any) -> bool:
    return hasattr(part, "as_numpy_iterator") and hasattr(part, "element_spec")


def _pair(part: Any, source: str, wants: Wants | None) -> tuple[Samples, Any]:
    """Samples and labels of one split."""
    if _is_tf_data(part):
        return _spooled(_tf_batches(part, source, wants), source)
    if isinstance(part, tuple) and len(part) == 2:
        return _inputs(part[0]), _array(part[1])
    if isinstance(part, np.ndarray):
        return _array(part), None
    if isinstance(part, Iterable) and not isinstance(part, (str, bytes, Mapping)):
        return _spooled(iter(part), source)
    raise InputError(f"{source} gives {type(part).__name__}.", _EXPECTED, "Return one of them.")


def _inputs(x: Any) -> Samples:
    return tuple(_array(part) for part in x) if _are_arrays(x) else _array(x)


def _are_arrays(x: Any) -> bool:
    """Several inputs, and not one given as a list of its samples."""
    return isinstance(x, (tuple, list)) and len(x) > 0 and all(hasattr(part, "shape") for part in x)


def _array(values: Any) -> np.ndarray:
    """An array; texts as Python strings."""
    array = np.asarray(values)
    if array.dtype.kind in "US" or (array.dtype.kind == "O" and array.ndim == 1):
        if not all(isinstance(value, (str, bytes)) for value in array.flat):
            raise InputError(
                "An array of Python objects was given.", "Numbers of one shape, or texts, are expected.",
                "Convert it.",
            )
        return strings([text_of(value) for value in array.flat]).reshape(array.shape)
    return array


def _tf_batches(part: Any, source: str, wants: Wants | None) -> Iterator[Any]:
    """NumPy batches of a `tf.data.Dataset`, whether it is batched or not."""
    if int(part.cardinality()) == _INFINITE:
        raise InputError(
            f"{source} gives a dataset without end.", "One that ends is expected.",
            "Leave repeat() out, or add take(n).",
        )
    spec = part.element_spec[0] if isinstance(part.element_spec, tuple) else part.element_spec
    spec = tuple(spec.values()) if isinstance(spec, dict) else spec
    first = spec[0] if isinstance(spec, tuple) else spec
    # A batch has one axis more than the model's input; without a model, an open first axis.
    rank = len(wants.inputs[0].shape) if wants is not None else None
    batched = first.shape.rank == rank + 1 if rank is not None else first.shape[:1] == [None]
    return iter((part if batched else part.batch(256)).as_numpy_iterator())


def _spooled(batches: Iterator[Any], source: str) -> tuple[Samples, np.ndarray | None]:
    """All samples of a stream of x or (x, y)."""
    x: list[Spool] = []
    y: Spool | None = None
    for batch in batches:
        labelled = len(batch) >= 2 and (isinstance(batch, tuple) or _are_arrays(batch))
        inputs = batch[0] if labelled else batch
        inputs = list(inputs.values()) if isinstance(inputs, Mapping) else inputs
        arrays = [np.asarray(one) for one in (inputs if _are_arrays(inputs) else (inputs,))]
        x = x or [Spool(source) for _ in arrays]
        if len(arrays) != len(x) or labelled != (y is not None or (labelled and not x[0].count)):
            raise InputError(
                f"{source} gives batches of unlike parts.", "x or (x, y) every time.", "Correct it."
            )
        for spool, array in zip(x, arrays, strict=True):
            spool.add(array)
        if labelled:
            y = y or Spool(source)
            y.add(np.asarray(batch[1]))
    if not x:
        raise InputError(
            f"{source} gives no samples.", "At least one batch is expected.", "Check the source."
        )
    samples = tuple(spool.samples() for spool in x)
    return samples if len(samples) > 1 else samples[0], None if y is None else np.asarray(y.samples())
