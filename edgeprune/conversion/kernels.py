"""Which operators to leave in float because LiteRT has no fast int8 kernel for them.

XNNPACK's list of int8 operators is in its delegate's documentation
(tensorflow/lite/delegates/xnnpack/README.md). The rest runs in LiteRT's own kernels, and around each of
them the delegate ends and begins anew: a Transformer encoder takes five times as long in int8 as in
float, MobileNetV3 with its hard swish twice. These lists hold what was measured to be slow; they decide,
not a stopwatch, so that the same model gives the same file.
"""

from __future__ import annotations

from collections.abc import Collection

from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion.flatfile import named_operators, parse

_ALONE = frozenset({"AVERAGE_POOL_2D", "GELU", "HARD_SWISH", "RELU", "RELU6"})
"""Slow operators that stand between layers with weights."""
_AMONG_OTHERS = frozenset({"BATCH_MATMUL", "DIV", "RSQRT", "SOFTMAX", "SQRT", "SQUARED_DIFFERENCE"})
"""Slow operators of attention, normalization and masked means: going to and fro costs more than float."""
_WITH_WEIGHTS = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED", "GATHER", "TRANSPOSE_CONV"}
)


def slow_operators(tflite: bytes) -> tuple[str, ...]:
    """Names of operators inside a file that give int8 and have no fast kernel for it.

    The graph's outputs do not count: int8 was asked for there.
    """
    tree = parse(tflite)
    graph = tree.subgraphs[0]
    ends = set(map(int, graph.outputs))
    found = {
        name for name, operator in named_operators(tree)
        if int(operator.outputs[0]) not in ends
        and graph.tensors[operator.outputs[0]].type == schema.TensorType.INT8
    }
    return tuple(sorted(found & (_ALONE | _AMONG_OTHERS)))


def tensors_to_keep_float(float_tflite: bytes, slow: Collection[str]) -> tuple[str, ...]:
    """Output tensors of the operators to leave in float.

    Those of the slow ones; of all that have no weights, where a slow one stands among others.
    """
    tree = parse(float_tflite)
    among = not _AMONG_OTHERS.isdisjoint(slow)
    tensors = [(name, tree.subgraphs[0].tensors[op.outputs[0]]) for name, op in named_operators(tree)]
    return tuple(
        tensor.name.decode()
        for name, tensor in tensors
        if tensor.type == schema.TensorType.FLOAT32 and (name not in _WITH_WEIGHTS if among else name in slow)
    )
