"""Multiply-accumulates of a call that no rule can count: those of TensorFlow's operators that it runs.

    layer(x (1, …))  --traced, not run-->  MatMul, Conv2D, Einsum, …    ->  Σ outputs · summed sizes

An operator that is in a loop or whose shapes are not certain makes the sum unknown, never 0.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from edgeprune.graph.model_graph import Argument, Tensor
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inference import unchanged_by
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_types import KerasLayer, KerasTensor

Operator: TypeAlias = "KerasTensor"  # TensorFlow has no types
_MULTIPLYING = re.compile("Matmul|Dot|Einsum|Tensordot|Vdot|Inner|Conv|DepthwiseConv|SeparableConv|Linalg")
_LOOPS = ("While", "StatelessWhile", "CudnnRNNV3", "PyFunc", "EagerPyFunc", "NumpyFunction")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_ADDED_LOSSES = ("_losses", "_eager_losses")
_CHOICES = ("If", "StatelessIf")


class UncountedError(Exception):
    """The multiply-accumulates of an operator are not known."""


def macs_counter(
    operation: KerasLayer, args: Argument, kwargs: Mapping[str, Argument], inputs: tuple[Tensor, ...]
) -> Callable[[], int | None]:
    """What counts one call of a layer or an operation at batch 1 when it is asked, once; None: unknown."""
    is_operation = not hasattr(operation, "weights")
    if is_operation and not _MULTIPLYING.match(type(operation).__name__):
        return lambda: 0

    @functools.cache
    def count() -> int | None:
        try:
            return _traced_macs(operation, args, kwargs, inputs)
        except Exception:  # noqa: BLE001 - a call of the user's own may fail in any way, on shapes made up
            return None

    return count


def _traced_macs(
    operation: KerasLayer, args: Argument, kwargs: Mapping[str, Argument], inputs: tuple[Tensor, ...]
) -> int:
    import tensorflow as tf

    indexes = list(dict.fromkeys(tensor.index for tensor in inputs))
    specs = [
        tf.TensorSpec([size or 1 for size in tensor.shape], tensor.dtype)
        for tensor in {tensor.index: tensor for tensor in inputs}.values()
    ]

    def call(*values: KerasTensor) -> object:
        given = dict(zip(indexes, values, strict=True))
        placed = nodes.map_values(
            (args, dict(kwargs)), lambda one: given[one.index] if isinstance(one, Tensor) else one
        )
        positional, named = placed
        # Nothing runs: what the call would assign stays as it is. In Keras 3 a scope takes added losses.
        if hasattr(operation, "weights") and is_keras3(operation):
            return unchanged_by(operation, lambda: operation(*positional, **named))
        return operation(*positional, **named)

    parts = [] if is_keras3(operation) else list(operation._flatten_layers())  # noqa: SLF001 - no public name
    losses = [(part, name, list(getattr(part, name))) for part in parts for name in _ADDED_LOSSES]
    try:
        graph = tf.function(call, autograph=False).get_concrete_function(*specs).graph
    finally:
        for part, name, before in losses:
            getattr(part, name)[:] = before
    return sum(_macs_of_graph(graph))


def _macs_of_graph(graph: object) -> Iterable[int]:
    functions = graph._functions  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public name
    for operator in graph.get_operations():  # type: ignore[attr-defined]
        if operator.type in _LOOPS:
            raise UncountedError
        if operator.type in (*_CALLS, *_CHOICES):
            called = operator.get_attr("f" if operator.type in _CALLS else "then_branch").name
            yield from _macs_of_graph(functions[called].graph)
        elif operator.type in _COUNTS:
            yield _COUNTS[operator.type](operator)


def _shape(tensor: KerasTensor) -> list[int]:
    if tensor.shape.rank is None or None in tensor.shape:
        raise UncountedError
    return list(tensor.shape)


def _matmul(operator: Operator) -> int:
    transposed = "transpose_a" if "transpose_a" in operator.node_def.attr else "adj_x"
    summed = _shape(operator.inputs[0])[-2 if operator.get_attr(transposed) else -1]
    return math.prod(_shape(operator.outputs[0])) * summed


def _convolution(operator: Operator) -> int:
    """Kernels are (*window, channels in a group, filters)."""
    return math.prod(_shape(operator.outputs[0])) * math.prod(_shape(operator.inputs[1])[:-1])


def _transposed(operator: Operator) -> int:
    """Each element that goes in meets (*window, filters) weights; sizes, kernel and values are given."""
    return math.prod(_shape(operator.inputs[2])) * math.prod(_shape(operator.inputs[1])[:-1])


def _depthwise(operator: Operator) -> int:
    return math.prod(_shape(operator.outputs[0])) * math.prod(_shape(operator.inputs[1])[:2])


def _einsum(operator: Operator) -> int:
    equation = operator.get_attr("equation").decode()
    if "." in equation:
        raise UncountedError
    sizes: dict[str, int] = {}
    for labels, tensor in zip(equation.partition("->")[0].split(","), operator.inputs, strict=True):
        sizes.update(zip(labels, _shape(tensor), strict=True))
    return math.prod(sizes.values())


_COUNTS: Mapping[str, Callable[[Operator], int]] = {
    "MatMul": _matmul, "BatchMatMul": _matmul, "BatchMatMulV2": _matmul, "BatchMatMulV3": _matmul,
    "Conv2D": _convolution, "Conv3D": _convolution, "Conv2DBackpropInput": _transposed,
    "Conv3DBackpropInputV2": _transposed, "DepthwiseConv2dNative": _depthwise, "Einsum": _einsum,
}
