"""A float file with its embedding tables in int8: of text models they are most of the file.

    table (float32) -> GATHER -> rows   becomes   table (int8) -> GATHER -> int8 rows -> DEQUANTIZE -> rows

Only the rows of one sample are turned into floats, so a call takes about as long as in float.
"""

from __future__ import annotations

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion import flatfile
from edgeprune.errors import InputError

_MOST = 127
_FRACTION_OF_FILE = 0.5
_GATHER_INT8, _DEQUANTIZE_INT8 = 2, 2
"""Versions of the operators that take int8."""


def tables_dominate(float_tflite: bytes) -> bool:
    """Whether embedding tables are most of a float file."""
    tree = flatfile.parse(float_tflite)
    tensors = {int(operator.inputs[0]) for operator in _lookups(tree)}
    buffers = {tree.subgraphs[0].tensors[tensor].buffer for tensor in tensors}
    return sum(len(tree.buffers[one].data) for one in buffers) > _FRACTION_OF_FILE * len(float_tflite)


def with_small_tables(float_tflite: bytes) -> bytes:
    """The file with int8 tables, one scale for each.

    Raises:
        InputError: a table holds values that are not finite.
    """
    tree = flatfile.parse(float_tflite)
    graph = tree.subgraphs[0]
    lookups, small = _lookups(tree), dict[int, int]()
    operators = []
    for operator in graph.operators:
        operators.append(operator)
        if not any(operator is one for one in lookups):
            continue
        table, rows = int(operator.inputs[0]), int(operator.outputs[0])
        if table not in small:
            small[table] = _add_small_table(tree, table)
        quantized_rows = _add_tensor(tree, rows, graph.tensors[small[table]].quantization)
        gather = flatfile.new_operator(
            tree, "GATHER", _GATHER_INT8, "GatherOptions", (small[table], *operator.inputs[1:]),
            (quantized_rows,),
        )
        gather.builtinOptions = operator.builtinOptions
        dequantize = flatfile.new_operator(
            tree, "DEQUANTIZE", _DEQUANTIZE_INT8, "DequantizeOptions", (quantized_rows,), (rows,)
        )
        operators[-1:] = [gather, dequantize]
    graph.operators = operators
    _drop_data_nobody_reads(tree, small)
    return flatfile.pack(tree)


def _lookups(tree: schema.ModelT) -> list[schema.OperatorT]:
    """The operators that read rows of a constant float table."""
    graph = tree.subgraphs[0]
    found = []
    for name, operator in flatfile.named_operators(tree):
        if name == "GATHER" and operator.builtinOptions.axis == 0 and not operator.builtinOptions.batchDims:
            table = graph.tensors[int(operator.inputs[0])]
            data = tree.buffers[table.buffer].data
            is_constant = table.buffer != 0 and data is not None and len(data) > 0
            if is_constant and table.type == schema.TensorType.FLOAT32 and len(table.shape) > 1:
                found.append(operator)
    return found


def _add_small_table(tree: schema.ModelT, table: int) -> int:
    values = flatfile.read_constant(tree, table, np.float32)
    largest = float(np.max(np.abs(values), initial=0.0))
    if not np.isfinite(largest):
        raise InputError(
            "An embedding table holds values that are not finite.", "Numbers are expected.",
            "Train the model again.",
        )
    scale = np.float32(largest / _MOST) or np.float32(1.0)
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
    made = _add_tensor(tree, table, quantization)
    flatfile.write_constant(tree, made, np.clip(np.rint(values / scale), -_MOST, _MOST).astype(np.int8))
    return made


def _add_tensor(tree: schema.ModelT, like: int, quantization: schema.QuantizationParametersT) -> int:
    graph = tree.subgraphs[0]
    tensor = copy.copy(graph.tensors[like])
    tensor.type, tensor.quantization, tensor.buffer = schema.TensorType.INT8, quantization, 0
    tensor.name = tensor.name + b"/int8"
    graph.tensors = [*graph.tensors, tensor]
    return len(graph.tensors) - 1


def _drop_data_nobody_reads(tree: schema.ModelT, small: dict[int, int]) -> None:
    """A float table stays where another operator reads it, such as a dense layer that shares it."""
    graph = tree.subgraphs[0]
    read = {int(index) for operator in graph.operators for index in operator.inputs}
    for table in set(small) - read:
        graph.tensors[table].buffer = 0
        graph.tensors[table].shape = np.zeros(1, np.int32)
