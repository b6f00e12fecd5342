"""The operators with weights in a `.tflite` file: convolutions and fully connected ones.

Axes of the weights: CONV_2D (out, rows, columns, in), DEPTHWISE_CONV_2D (1, rows, columns, out),
FULLY_CONNECTED (out, in).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.conversion.flatfile import add_buffer, named_operators

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT

OUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
IN_AXIS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}


@dataclasses.dataclass(frozen=True)
class LinearOperator:
    """One operator with constant weights; numbers are of tensors in the main subgraph.

    Attributes:
        kind: LiteRT's name.
        source: the input.
        weights: the kernel.
        bias: -1 if there is none.
        target: the output.
        activation: name of the fused activation, such as ``"RELU"`` or ``"NONE"``.
    """

    kind: str
    source: int
    weights: int
    bias: int
    target: int
    activation: str


def linear_operators(tree: ModelT) -> list[LinearOperator]:
    """All of the main subgraph, in the order they run."""
    from ai_edge_litert import schema_py_generated as schema

    names = vars(schema.ActivationFunctionType).items()
    activations = {value: name for name, value in names if name.isupper()}
    found = []
    for kind, op in named_operators(tree):
        if kind in OUT_AXIS and _is_constant(tree, int(op.inputs[1])):
            bias = int(op.inputs[2]) if len(op.inputs) > 2 else -1
            activation = activations[op.builtinOptions.fusedActivationFunction]
            tensors = (int(op.inputs[0]), int(op.inputs[1]), bias, int(op.outputs[0]))
            found.append(LinearOperator(kind, *tensors, activation))
    return found


def _is_constant(tree: ModelT, tensor: int) -> bool:
    data = tree.buffers[tree.subgraphs[0].tensors[tensor].buffer].data
    return data is not None and len(data) > 0


def read_constant(tree: ModelT, tensor: int, dtype: type[np.generic]) -> np.ndarray:
    """A copy of a constant tensor's values."""
    found = tree.subgraphs[0].tensors[tensor]
    values = np.frombuffer(bytes(tree.buffers[found.buffer].data), dtype=dtype)
    return np.array(values.reshape(tuple(found.shape)))


def write_constant(tree: ModelT, tensor: int, values: np.ndarray) -> None:
    """Replaces a constant tensor's values by others of the same shape and type.

    The tensor gets a buffer of its own, as equal constants share one.
    """
    tree.subgraphs[0].tensors[tensor].buffer = add_buffer(tree, np.ascontiguousarray(values).tobytes())


def along(vector: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """A vector shaped to multiply an array of `rank` axes along one of them."""
    return vector.reshape([-1 if i == axis else 1 for i in range(rank)])
