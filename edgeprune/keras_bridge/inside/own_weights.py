"""Layers of Keras that hold a weight which an opened layer made itself.

    ops.take(w, i, axis=0)      Embedding(i)
    ops.matmul(x, w) [+ b]      Dense(x)
    ops.einsum("…", x, w)       EinsumDense(x)
    anything else with w        Embedding(0, 1, …), which returns all of its rows, in the shape of w

A functional model has no place for weights that no layer holds. These layers train, save and load as any
other. The numbers 0, 1, … are added to a 0 that is made of the model's input, since Keras calls a layer on
constants at once; a converter folds all of it into the constant that w is.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence

import numpy as np

from edgeprune.keras_bridge.inside.recorded_calls import CallError, RecordedCall, Recording
from edgeprune.keras_bridge.nodes import Identity, tensors_in
from edgeprune.keras_types import KerasLayer, KerasModule, KerasTensor

_KINDS = {
    "matmul": "Matmul", "add": "Add", "bias_add": "Add", "gather": "Take", "embedding_lookup": "Take",
}
_OTHER_PRODUCTS = ("transpose_a", "transpose_b", "adjoint_a", "adjoint_b", "a_is_sparse", "b_is_sparse")


def dense_weights(recording: Recording) -> set[Identity]:
    """Weights (in, out) that nothing but matrix products read, on their right side."""
    reads: dict[Identity, list[bool]] = collections.defaultdict(list)
    for call in recording.calls:
        for place, symbol in enumerate(tensors_in((call.args, dict(call.kwargs)))):
            if Identity(symbol) in recording.weights:
                reads[Identity(symbol)].append(_is_product(call, symbol) and place == 1)
    return {key for key, fits in reads.items() if all(fits)}


def einsum_weights(recording: Recording) -> dict[Identity, str]:
    """Weights that nothing but one equation of ``ops.einsum`` reads, as its second operand; and it."""
    found: dict[Identity, set[str | None]] = collections.defaultdict(set)
    for call in recording.calls:
        for place, symbol in enumerate(tensors_in((call.args, dict(call.kwargs)))):
            if Identity(symbol) in recording.weights:
                found[Identity(symbol)].add(_equation(call) if place == 1 else None)
    return {key: one for key, (one, *others) in found.items() if one is not None and not others}


def _equation(call: RecordedCall) -> str | None:
    """Of a product that an EinsumDense layer computes; None for any other call."""
    equation = str(getattr(call.operation, "subscripts", "")).replace(" ", "")
    parts = equation.replace("->", ",").split(",")
    if type(call.operation).__name__ != "Einsum" or "->" not in equation or len(parts) != 3:
        return None
    x, kernel, made = parts
    is_plain = all(part.isalpha() and len(set(part)) == len(part) for part in parts) and len(kernel) > 1
    is_sum = set(kernel) <= set(x) ^ set(made) and set(made) <= set(x) | set(kernel)
    return equation if is_plain and is_sum and made[0] == x[0] else None


def biases(recording: Recording, kernels: set[Identity]) -> dict[Identity, Identity]:
    """The call of a matrix product to the addition of a weight (out,) to its result, read by nothing else."""
    made = {Identity(one): call for call in recording.calls for one in call.outputs}
    readers: dict[Identity, list[RecordedCall]] = collections.defaultdict(list)
    for call in recording.calls:
        for symbol in tensors_in((call.args, dict(call.kwargs))):
            readers[Identity(symbol)].append(call)
    ends = {Identity(symbol) for symbol in tensors_in(recording.outputs)}
    found: dict[Identity, Identity] = {}
    for call in recording.calls:
        given = tensors_in((call.args, dict(call.kwargs)))
        is_sum = kind_of(call) == "Add" and len(given) == 2
        if not is_sum or Identity(given[1]) not in recording.weights or Identity(given[0]) in ends:
            continue
        product = made.get(Identity(given[0]))
        operands = [] if product is None else tensors_in((product.args, dict(product.kwargs)))
        fits = len(operands) == 2 and Identity(operands[1]) in kernels
        alone = [*given, *operands[1:]]
        if fits and tuple(given[1].shape) == given[0].shape[-1:] and all(
            len(readers[Identity(one)]) == 1 for one in alone
        ):
            found[Identity(product)] = Identity(call)
    return found


def bias_of(addition: Identity) -> KerasTensor:
    """The weight of an addition to a product."""
    call: RecordedCall = addition.of  # type: ignore[assignment]  # the key of a call
    return tensors_in((call.args, dict(call.kwargs)))[1]


def kind_of(call: RecordedCall) -> str:
    """What a call does, in the words of keras.ops, which TensorFlow's functions have others for."""
    symbol = getattr(call.operation, "symbol", None)
    return type(call.operation).__name__ if symbol is None else _KINDS.get(symbol.split(".")[-1], symbol)


def is_lookup(call: RecordedCall) -> bool:
    """Whether a call of TensorFlow's takes whole rows of a table (rows, channels)."""
    options = [call.kwargs.get(name) for name in ("axis", "batch_dims", "max_norm")]
    rest = [one for one in call.args[2:] if one is not None and not isinstance(one, str)]
    given = tensors_in(call.args[0] if call.args else call.kwargs.get("params"))
    return not rest and not any(options) and len(given) == 1 and len(given[0].shape) == 2


def set_all(arrays: Sequence[tuple[KerasLayer, list[np.ndarray]]]) -> None:
    """Gives layers that were made anew the weights of the old ones.

    Raises:
        CallError: a layer makes others.
    """
    for layer, values in arrays:
        shapes = [tuple(one.shape) for one in layer.weights]
        if shapes != [value.shape for value in values]:
            kind = type(layer).__name__
            raise CallError(None, f"holds layer '{layer.name}' of class {kind}, which makes other weights "
                                  "when it is made anew from its configuration")
        layer.set_weights(values)


def table(keras: KerasModule, variable: KerasTensor, name: str, dtype: object) -> KerasLayer:
    """An Embedding that holds a weight: its channels are those along `channel_axis`."""
    shape = tuple(variable.shape)
    axis = channel_axis(shape)
    width = shape[axis] if shape else 1
    layer = keras.layers.Embedding(math.prod(shape) // width, width, name=name, dtype=dtype)
    layer.build(())
    layer.trainable = bool(getattr(variable, "trainable", True))
    return layer


def table_array(array: np.ndarray) -> np.ndarray:
    """A weight's values as rows of `table`."""
    axis = channel_axis(array.shape)
    last = np.moveaxis(array, axis, -1) if array.ndim else array
    return last.reshape(-1, array.shape[axis] if array.ndim else 1)


def channel_axis(shape: Sequence[int]) -> int:
    """The axis of a weight that channels lie along: the last, or the largest where that one has one entry."""
    return -1 if not shape or shape[-1] > 1 else int(np.argmax(shape))


def _is_product(call: RecordedCall, weight: KerasTensor) -> bool:
    given = tensors_in((call.args, dict(call.kwargs)))
    is_matrix = kind_of(call) in ("Matmul", "Dot") and len(weight.shape) == 2
    if any(call.kwargs.get(name) for name in _OTHER_PRODUCTS):
        return False
    return is_matrix and len(given) == 2 and len(given[0].shape) >= 2
