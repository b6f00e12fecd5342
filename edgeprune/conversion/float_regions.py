"""Which operators may stay float together: single ones, the beginning, the end, whole branches.

    input -> [normalize] -> conv -> conv -+-> [dense] -> [scores] -+-> concat -> output
              prefix                      +-> dense  -> boxes -----+
                                                branch

Any one operator of a chain in float changes nothing where its neighbours round the same values: unscaled
inputs need all operators up to the normalization in float.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion import flatfile

_LENGTHS = (1, 2, 3, 5, 8)
_MOST_BRANCHES = 12

Region = tuple[str, ...]
"""Names of output tensors, in the order of the file."""


def float_operators(float_tflite: bytes) -> Region:
    """Output tensors of all operators that give floats."""
    graph = flatfile.parse(float_tflite).subgraphs[0]
    tensors = [graph.tensors[int(operator.outputs[0])] for operator in graph.operators]
    return tuple(one.name.decode() for one in tensors if one.type == schema.TensorType.FLOAT32)


def prefixes(operators: Region) -> list[Region]:
    """The first operators, up to half of all."""
    return [operators[:count] for count in _LENGTHS if count <= len(operators) / 2]


def suffixes(operators: Region) -> list[Region]:
    """The last operators, up to half of all."""
    return [operators[-count:] for count in _LENGTHS if count <= len(operators) / 2]


def branches(float_tflite: bytes) -> list[Region]:
    """What leads to one output, or to one input of an operator that joins several, and nowhere else."""
    graph = flatfile.parse(float_tflite).subgraphs[0]
    maker = {int(op.outputs[0]): op for op in graph.operators}
    readers = collections.Counter(int(index) for op in graph.operators for index in op.inputs)
    outputs = [int(index) for index in graph.outputs]
    readers.update(outputs)
    ends = outputs if len(outputs) > 1 else []
    for op in graph.operators:
        made = [int(index) for index in op.inputs if int(index) in maker]
        ends += made if len(made) > 1 else []
    order = {index: number for number, index in enumerate(maker)}
    found: dict[Region, None] = {}
    for end in ends:
        region = sorted(_exclusive(end, maker, readers), key=order.__getitem__)
        names = tuple(
            graph.tensors[index].name.decode() for index in region
            if graph.tensors[index].type == schema.TensorType.FLOAT32
        )
        if 1 < len(names) <= len(maker) / 2:
            found[names] = None
    return sorted(found, key=len)[:_MOST_BRANCHES]


def _exclusive(
    end: int, maker: dict[int, schema.OperatorT], readers: collections.Counter[int]
) -> set[int]:
    """Tensors that lead to `end` alone."""
    found, pending = set[int](), [end]
    while pending:
        tensor = pending.pop()
        if tensor in maker and tensor not in found and readers[tensor] == 1:
            found.add(tensor)
            pending += map(int, maker[tensor].inputs)
    return found


def united(operators: Region, regions: Sequence[Region]) -> Region:
    """The operators of several regions, in the order of the file."""
    together = {tensor for region in regions for tensor in region}
    return tuple(tensor for tensor in operators if tensor in together)
