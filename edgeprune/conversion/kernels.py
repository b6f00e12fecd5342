"""Which operators run fast in int8, and which to leave in float where others do not.

XNNPACK's list of int8 operators is in its delegate's documentation
(tensorflow/lite/delegates/xnnpack/README.md). The rest runs in LiteRT's own kernels, and around each of
them the delegate ends and begins anew: a Transformer encoder takes several times as long in int8 as in
float, MobileNetV3 with its hard swish nearly twice. With only those operators in float, or with all that
lies between the layers' weights, both are faster than in float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.conversion import flatfile

if TYPE_CHECKING:
    from collections.abc import Collection

_ARITHMETIC = frozenset(
    {
        "ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "ELU", "FULLY_CONNECTED", "LEAKY_RELU", "LOGISTIC",
        "MAX_POOL_2D", "MEAN", "MUL", "PRELU", "RESIZE_BILINEAR", "SUB", "TANH", "TRANSPOSE_CONV",
    }
)  # fmt: skip
_MOVES = frozenset(
    {
        "CONCATENATION", "DEPTH_TO_SPACE", "DEQUANTIZE", "EMBEDDING_LOOKUP", "EXPAND_DIMS", "GATHER", "PACK",
        "PAD", "PADV2", "QUANTIZE", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SPACE_TO_DEPTH", "SPLIT",
        "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
    }
)  # fmt: skip
_WITH_WEIGHTS = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED", "GATHER", "TRANSPOSE_CONV"}
)


def slow_operators(tflite: bytes) -> tuple[str, ...]:
    """Names of operators that give int8 and have no fast kernel for it."""
    from ai_edge_litert import schema_py_generated as schema

    tree = flatfile.parse(tflite)
    found = {
        name
        for name, outputs in _outputs(tree)
        if outputs[0].type == schema.TensorType.INT8 and name not in _ARITHMETIC | _MOVES
    }
    return tuple(sorted(found))


def outputs_of(float_tflite: bytes, names: Collection[str]) -> tuple[str, ...]:
    """Output tensors of the operators of these names."""
    return tuple(tensor for name, tensor in _floats(float_tflite) if name in names)


def between_weights(float_tflite: bytes) -> tuple[str, ...]:
    """Output tensors of the operators that have no weights."""
    return tuple(tensor for name, tensor in _floats(float_tflite) if name not in _WITH_WEIGHTS)


def _floats(tflite: bytes) -> list[tuple[str, str]]:
    from ai_edge_litert import schema_py_generated as schema

    return [
        (name, outputs[0].name.decode())
        for name, outputs in _outputs(flatfile.parse(tflite))
        if outputs[0].type == schema.TensorType.FLOAT32
    ]


def _outputs(tree: Any) -> list[tuple[str, list[Any]]]:
    graph = tree.subgraphs[0]
    names = [flatfile.operator_name(code) for code in tree.operatorCodes]
    return [(names[op.opcodeIndex], [graph.tensors[i] for i in op.outputs]) for op in graph.operators]
