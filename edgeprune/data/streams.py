"""Streams of batches, each read once from beginning to end: generators, `tf.data`, Keras' sequences.

    tf.data.Dataset             batched or not
    Sequence, PyDataset         of Keras 2 and 3: batches by number
    any other iterable          generators, lists of batches, PyTorch's DataLoader

A stream may not end, as a generator for `fit(steps_per_epoch=...)` or a dataset with `repeat()`. Then `steps`
says how many of its elements are read; without it the stream is given up beyond `MOST_SAMPLES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from edgeprune.data.model_signature import ModelSignature, Shape
from edgeprune.errors import InputError

MOST_SAMPLES, MOST_BYTES = 1_000_000, 8 * 2**30
"""Of a stream that does not say how long it is."""
_INFINITE = -1  # tf.data.INFINITE_CARDINALITY
_BATCH = 256
_STEPS = "Say how many batches to read with --steps (steps=... in Python), or let it end."


@runtime_checkable
class _TfDataset(Protocol):
    """What is read of a `tf.data.Dataset`."""

    element_spec: Any

    def cardinality(self) -> int: ...
    def take(self, count: int) -> _TfDataset: ...
    def batch(self, size: int) -> _TfDataset: ...
    def as_numpy_iterator(self) -> Iterable[object]: ...


def is_stream(given: object) -> bool:
    """Whether something is read batch by batch, and no array, text or container of arrays."""
    if isinstance(given, _TfDataset):
        return True
    if isinstance(given, (str, bytes, Mapping, tuple, list)) or hasattr(given, "shape"):
        return False
    return isinstance(given, Iterable) or _is_sequence(given)


def batches(
    stream: object, source: str, signature: ModelSignature | None, steps: int | None, *, bounded: bool = False
) -> Iterator[object]:
    """The elements of a stream, as they come: batches, or single samples.

    Args:
        steps: how many are read; None for all.
        bounded: whether the caller stops by itself.

    Raises:
        InputError: a stream without end that nothing bounds.
    """
    if isinstance(stream, _TfDataset):
        return _of_tf(stream if steps is None else stream.take(steps), source, signature, bounded=bounded)
    if _is_sequence(stream):
        return _of_sequence(stream, source, steps, bounded=bounded)
    found: Iterator[object] = iter(stream)  # type: ignore[call-overload]
    return itertools.islice(found, steps)


def tells_its_end(stream: object) -> bool:
    """Whether a stream says how long it is."""
    if isinstance(stream, _TfDataset):
        return int(stream.cardinality()) >= 0
    return _is_sequence(stream) or hasattr(stream, "__len__")


def check_bounds(samples: int, size_bytes: int, source: str) -> None:
    """Gives up a stream of which nobody said how long it is.

    Raises:
        InputError: it holds more than data in memory ever does.
    """
    if samples > MOST_SAMPLES or size_bytes > MOST_BYTES:
        raise InputError(
            f"{source} gave {samples:,} samples ({size_bytes / 2**30:.1f} GiB) and goes on.",
            f"A stream of unknown length ends within {MOST_SAMPLES:,} samples and {MOST_BYTES >> 30} GiB.",
            _STEPS,
        )


def is_sample(shape: Shape, expected: Shape) -> bool:
    """Whether an array of this shape is one sample of an input, rather than a batch of them.

    Axes of size 1 may be missing: (28, 28) is a sample of (28, 28, 1), and so is a number of (1,).
    """
    if not shape or (len(shape) == len(expected) + 1 and _same(shape[1:], expected)):
        return not shape
    open_axis = shape[0] is None and expected[:1] != (None,)
    if len(shape) == len(expected) and _same(shape, expected) and not open_axis:
        return True
    if _same(_bare(shape[1:]), _bare(expected)):
        return False
    return _same(_bare(shape), _bare(expected)) or len(shape) <= len(expected)


def _same(shape: Shape, expected: Shape) -> bool:
    return len(shape) == len(expected) and all(
        size == wanted or None in (size, wanted) for size, wanted in zip(shape, expected, strict=True)
    )


def _bare(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _of_tf(
    dataset: _TfDataset, source: str, signature: ModelSignature | None, *, bounded: bool
) -> Iterator[object]:
    if int(dataset.cardinality()) == _INFINITE and not bounded:
        raise InputError(
            f"{source} gives a dataset without end.", "One that ends is expected.",
            f"Leave repeat() out. {_STEPS}",
        )
    spec = dataset.element_spec
    while isinstance(spec, (tuple, list, Mapping)):
        spec = next(iter(spec.values() if isinstance(spec, Mapping) else spec))
    rank = getattr(spec.shape, "rank", None)
    if rank is None:  # what a generator gives, seen as it comes
        return iter(dataset.as_numpy_iterator())
    shape = tuple(spec.shape)
    textual = getattr(spec.dtype, "name", "") == "string"
    if signature is None:
        alone = shape[:1] != (None,)
    else:
        alone = is_sample(shape, () if textual else signature.inputs[0].shape)
    return iter((dataset.batch(_BATCH) if alone else dataset).as_numpy_iterator())


def _is_sequence(given: object) -> bool:
    """Whether batches are taken by number, as of a Keras `Sequence`: iterating over one may never end."""
    if any(kind.__name__ in ("Sequence", "PyDataset") for kind in type(given).__mro__):
        return True
    return hasattr(given, "__getitem__") and hasattr(given, "__len__") and not isinstance(given, Iterator)


def _of_sequence(sequence: Any, source: str, steps: int | None, *, bounded: bool) -> Iterator[object]:
    # Keras 3 asks for `num_batches`, where None says that there is no end.
    by_property = hasattr(type(sequence), "num_batches")
    count = sequence.num_batches if by_property else len(sequence)
    number = count if steps is None else steps if count is None else min(int(count), steps)
    if number is None and not bounded:
        raise InputError(
            f"{source} gives a dataset without end.", "One that says how many batches it has.", _STEPS
        )
    places = itertools.count() if number is None else range(int(number))
    return (sequence[place] for place in places)
