"""Operations that are called otherwise in a model of open size, or whose operands are weights.

Most operations are made again as they were recorded. Those here name the number of samples in their options
(``reshape(x, (8, -1))``), or read a weight as a layer of Keras does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from edgeprune.graph.model_graph import Argument
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inside.recorded_calls import RecordedCall
from edgeprune.keras_bridge.inside.sizes import BatchSize, OpenSize, has_open_size
from edgeprune.keras_bridge.inside.weight_layers import WeightLayers
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasTensor


class ModelInMaking(Protocol):
    """What `edgeprune.keras_bridge.inside.plain_model.PlainModel` offers here."""

    weights: WeightLayers

    def given(self, value: Argument) -> Argument:
        """What a call gets in place of recorded values, nested as they are."""
        ...

    def constant(self, array: np.ndarray) -> KerasTensor:
        """An array as a symbolic tensor."""
        ...

    def for_each_sample(self, x: KerasTensor) -> KerasTensor:
        """A tensor (1, …) for each sample."""
        ...

    def name(self, wanted: str) -> str:
        """A name that no other layer has."""
        ...

    def is_weight(self, value: object) -> bool:
        """Whether a value is a weight."""
        ...


@dataclasses.dataclass(frozen=True)
class CallAgain:
    """A recorded call whose sizes were compared: arguments, the operation's options, the output's shape."""

    call: RecordedCall
    args: Sequence[Argument]
    kwargs: Mapping[str, Argument]
    config: Mapping[str, Argument]
    shape: Sequence[Argument]

    def operand(self, place: int, name: str) -> Argument:
        """One of the arguments, as it was recorded."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name)


def _passed(plain: ModelInMaking, again: CallAgain) -> KerasTensor:
    """Convert_to_tensor, and casts to the type that a tensor has."""
    from keras import ops

    value, dtype = plain.given(again.operand(0, "x")), again.call.outputs[0].dtype
    if type(value).__name__ not in nodes.SYMBOLS:
        value = plain.constant(np.asarray(value))
    return value if value.dtype == dtype else ops.cast(value, dtype)


def _take(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    """Looks rows of a weight up."""
    source = again.operand(0, "x")
    is_table = plain.is_weight(source) and len(source.shape) == 2 and source.shape[1] > 1
    if not is_table or again.config.get("axis") != 0:
        return None
    index = plain.given(again.operand(1, "indices"))
    if type(index).__name__ not in nodes.SYMBOLS:
        index = plain.constant(np.asarray(index).astype("int32"))
    return plain.weights.table(Identity(source))(index)


def _matmul(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    kernel = again.operand(1, "x2")
    if not plain.weights.is_kernel(kernel):
        return None
    return plain.weights.dense(again.call, kernel, plain.given(again.operand(0, "x1")))


def _einsum(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    kernel = again.operand(1, "")
    if not plain.is_weight(kernel):
        return None
    shape = [size if isinstance(size, int) else None for size in again.shape[1:]]
    return plain.weights.einsum(kernel, plain.given(again.operand(0, "")), shape)


def _add(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    return plain.weights.fused(again.call)


def _reshape(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    """To a shape with one open size besides the batch at most; a -1 in it is the size that was found."""
    import keras

    shape = list(again.config["newshape"])
    if not has_open_size(shape):
        return None
    shape = [found if size == -1 else size for size, found in zip(shape, again.shape, strict=True)]
    x = plain.given(again.operand(0, "x"))
    sizes = [size if isinstance(size, int) else -1 for size in shape]
    if sizes.count(-1) == 1:
        return keras.ops.reshape(x, sizes)
    if sizes.count(-1) == 2 and shape[0] == BatchSize(1):
        return keras.layers.Reshape(sizes[1:], name=plain.name("reshape"))(x)
    return None


def _broadcast(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    from keras import ops

    shape, x = list(again.config["shape"]), plain.given(again.operand(0, "x"))
    if not isinstance(shape[0], BatchSize):
        return None
    missing = len(shape) - len(x.shape)
    if missing:
        x = ops.expand_dims(x, tuple(range(missing)))
    if x.shape[0] == 1:
        x = plain.for_each_sample(x)
    pairs = zip(shape, x.shape, strict=True)
    wanted = [1 if isinstance(size, OpenSize) and was is None else size for size, was in pairs]
    if any(isinstance(size, OpenSize) for size in wanted[1:]):
        return None
    if any(size not in (1, was) for size, was in zip(wanted[1:], x.shape[1:], strict=True)):
        combine = ops.logical_and if x.dtype == "bool" else ops.multiply
        x = combine(x, np.ones((1, *wanted[1:]), x.dtype))
    return x


def _tile(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    from keras import ops

    repeats, x = list(again.config["repeats"]), plain.given(again.operand(0, "x"))
    if not isinstance(repeats[0], BatchSize) or x.shape[0] != 1 or len(repeats) != len(x.shape):
        return None
    if any(one != 1 for one in repeats[1:]):
        x = ops.tile(x, (1, *repeats[1:]))
    return plain.for_each_sample(x)


def _repeat(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    x = plain.given(again.operand(0, "x"))
    if not isinstance(again.config["repeats"], BatchSize) or again.config["axis"] != 0 or x.shape[0] != 1:
        return None
    return plain.for_each_sample(x)


def _slice(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    """A slice as an index, which a rule can follow."""
    starts, shape = again.operand(1, "start_indices"), again.config["shape"]
    if type(starts).__name__ in nodes.SYMBOLS or not isinstance(starts, (list, tuple)):
        return None
    x = plain.given(again.operand(0, "inputs"))
    return x[tuple(
        slice(None) if start == 0 and (isinstance(size, (BatchSize, OpenSize)) or size == whole)
        else slice(int(start), int(start) + int(size))
        for start, size, whole in zip(starts, shape, x.shape, strict=True)
    )]


def _get_item(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    """A slice that ends where an axis of open size does, as one that has no end."""
    x, key = again.operand(0, "x"), again.operand(1, "key")
    if not isinstance(key, tuple) or any(one is Ellipsis for one in key):
        return None
    sizes = iter(x.shape)
    pairs = [(one, None if one is None else next(sizes)) for one in key]
    if not any(_ends_with(one, size) for one, size in pairs):
        return None
    return plain.given(x)[tuple(
        slice(one.start, None, one.step) if _ends_with(one, size) else one for one, size in pairs
    )]


def _ends_with(one: Argument, size: int | None) -> bool:
    return isinstance(one, slice) and isinstance(one.stop, OpenSize) and one.stop.first == size


def _range(plain: ModelInMaking, again: CallAgain) -> KerasTensor | None:
    """0, 1, … over an axis, which are constants where its size is fixed."""
    from keras import ops

    (size,), dtype, axis = again.shape, again.call.outputs[0].dtype, again.config["axis"]
    if isinstance(size, int):
        return plain.constant(np.arange(size, dtype=dtype))
    if not isinstance(axis, int):
        return None
    x = plain.given(again.operand(0, "x"))
    zeros = ops.sum(ops.zeros_like(x, dtype="int32"), axis=[at for at in range(len(x.shape)) if at != axis])
    return ops.cast(ops.cumsum(ops.add(zeros, 1), axis=0) - 1, dtype)


OPERATIONS: Mapping[str, Callable[[ModelInMaking, CallAgain], KerasTensor | None]] = {
    "ConvertToTensor": _passed, "Cast": _passed, "Take": _take, "Matmul": _matmul, "Dot": _matmul,
    "Einsum": _einsum, "Add": _add, "Reshape": _reshape, "BroadcastTo": _broadcast, "Tile": _tile,
    "Repeat": _repeat, "Slice": _slice, "GetItem": _get_item, "RangeAlong": _range,
}
"""Makes a call in the plain model; None where it can be made as it was recorded."""
