"""Which operators run fast in int8, and which to leave in float where others do not.

XNNPACK's list of int8 operators is in its delegate's documentation
(tensorflow/lite/delegates/xnnpack/README.md). The rest runs in LiteRT's own kernels, and around each of
them the delegate ends and begins anew: a Transformer encoder takes several times as long in int8 as in
float. With weights in int8 and the arithmetic between them in float, it is faster than both.
"""

from __future__ import annotations

from typing import Any

from edgeprune.conversion import flatfile

_ARITHMETIC = frozenset(
    {
        "ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "ELU", "FULLY_CONNECTED", "HARD_SWISH",
        "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PRELU", "RELU", "RELU6", "RESIZE_BILINEAR",
        "SUB", "TANH", "TRANSPOSE_CONV",
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


def between_weights(float_tflite: bytes) -> tuple[str, ...]:
    """Output tensors of the operators that have no weights."""
    from ai_edge_litert import schema_py_generated as schema

    return tuple(
        outputs[0].name.decode()
        for name, outputs in _outputs(flatfile.parse(float_tflite))
        if name not in _WITH_WEIGHTS and outputs[0].type == schema.TensorType.FLOAT32
    )


def _outputs(tree: Any) -> list[tuple[str, list[Any]]]:
    graph = tree.subgraphs[0]
    names = [flatfile.operator_name(code) for code in tree.operatorCodes]
    return [(names[op.opcodeIndex], [graph.tensors[i] for i in op.outputs]) for op in graph.operators]
