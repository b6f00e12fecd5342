"""`--integer-only`: files for Edge TPUs, NPUs and microcontrollers, which have no float operators."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion.flatfile import named_operators, parse
from edgeprune.errors import InputError

_FLOATS = (schema.TensorType.FLOAT16, schema.TensorType.FLOAT32, schema.TensorType.FLOAT64)
_MOST_NAMED = 5


def require_integers(tflite: bytes) -> None:
    """Refuses a file in which an operator reads or gives floats.

    Raises:
        InputError: names the operators.
    """
    tree = parse(tflite)
    left = []
    for number, graph in enumerate(tree.subgraphs):
        for name, operator in named_operators(tree, number):
            tensors = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
            if any(tensor.type in _FLOATS for tensor in tensors):
                left.append(f"{name} ({graph.tensors[operator.outputs[0]].name.decode().partition(';')[0]})")
    if left:
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        raise InputError(
            f"{len(left)} operators stay float: {', '.join(left[:_MOST_NAMED])}{more}.",
            "--integer-only allows none.", "Leave it out, or write these layers with other operations.",
        )
