"""The operators with weights in a `.tflite` file: convolutions and fully connected ones.

Axes of the weights: CONV_2D (out, rows, columns, in), DEPTHWISE_CONV_2D (1, rows, columns, out),
FULLY_CONNECTED (out, in).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.conversion import flatfile

OUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
IN_AXIS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}


@dataclasses.dataclass(frozen=True)
class Linear:
    """One operator with constant weights; indices are of tensors in the main subgraph.

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


def linear_operators(tree: Any) -> list[Linear]:
    """All of the main subgraph, in the order they run."""
    graph = tree.subgraphs[0]
    names = [flatfile.operator_name(code) for code in tree.operatorCodes]
    found = []
    for op in graph.operators:
        kind = names[op.opcodeIndex]
        if kind in OUT_AXIS and is_constant(tree, int(op.inputs[1])):
            bias = int(op.inputs[2]) if len(op.inputs) > 2 else -1
            activation = _activation_name(op.builtinOptions.fusedActivationFunction)
            tensors = (int(op.inputs[0]), int(op.inputs[1]), bias, int(op.outputs[0]))
            found.append(Linear(kind, *tensors, activation))
    return found


def is_constant(tree: Any, index: int) -> bool:
    """Whether a tensor of the main subgraph has its data in the file."""
    data = tree.buffers[tree.subgraphs[0].tensors[index].buffer].data
    return data is not None and len(data) > 0


def read(tree: Any, index: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A copy of a constant tensor's values."""
    tensor = tree.subgraphs[0].tensors[index]
    values = np.frombuffer(bytes(tree.buffers[tensor.buffer].data), dtype=dtype)
    shaped: npt.NDArray[Any] = values.reshape(tuple(tensor.shape)).copy()
    return shaped


def write(tree: Any, index: int, values: npt.NDArray[Any]) -> None:
    """Replaces a constant tensor's values by others of the same shape and type.

    The tensor gets a buffer of its own, as equal constants share one.
    """
    from ai_edge_litert import schema_py_generated as schema

    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    tree.buffers.append(buffer)
    tree.subgraphs[0].tensors[index].buffer = len(tree.buffers) - 1


def along(vector: npt.NDArray[Any], axis: int, rank: int) -> npt.NDArray[Any]:
    """A vector shaped to multiply an array of `rank` axes along one of them."""
    return vector.reshape([-1 if i == axis else 1 for i in range(rank)])


def _activation_name(code: int) -> str:
    from ai_edge_litert import schema_py_generated as schema

    kinds = vars(schema.ActivationFunctionType)
    return str(next(name for name, value in kinds.items() if name.isupper() and value == code))
