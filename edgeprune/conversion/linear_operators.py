"""The operators with weights in a `.tflite` file: convolutions and fully connected ones.

Axes of the weights: CONV_2D (out, rows, columns, in), DEPTHWISE_CONV_2D (1, rows, columns, out),
FULLY_CONNECTED (out, in).
"""

from __future__ import annotations

import dataclasses

from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion.flatfile import enum_names, named_operators

OUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
IN_AXIS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}


@dataclasses.dataclass(frozen=True)
class LinearOperator:
    """One operator with constant weights; numbers are of tensors in the main subgraph."""

    kind: str  # LiteRT's name
    source: int
    weights: int
    bias: int  # -1 if there is none
    target: int
    activation: str  # name of the fused one, such as "RELU" or "NONE"


def linear_operators(tree: schema.ModelT) -> list[LinearOperator]:
    """All of the main subgraph, in the order they run."""
    activations = enum_names(schema.ActivationFunctionType)
    found = []
    for kind, op in named_operators(tree):
        if kind in OUT_AXIS and _is_constant(tree, int(op.inputs[1])):
            bias = int(op.inputs[2]) if len(op.inputs) > 2 else -1
            activation = activations[op.builtinOptions.fusedActivationFunction]
            tensors = (int(op.inputs[0]), int(op.inputs[1]), bias, int(op.outputs[0]))
            found.append(LinearOperator(kind, *tensors, activation))
    return found


def _is_constant(tree: schema.ModelT, tensor: int) -> bool:
    data = tree.buffers[tree.subgraphs[0].tensors[tensor].buffer].data
    return data is not None and len(data) > 0
