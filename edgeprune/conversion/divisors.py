"""Divisors that int8 cannot turn into zero.

A mean over what a mask leaves divides by the number of tokens. In int8 that number is counted in steps of
length / 255: one word of 600, or none at all, becomes 0, and LiteRT's DIV then fails on the device.

    count -> DIV          ->          count -> MAXIMUM(one step) -> DIV

Only a divisor whose range starts at zero is changed; a signed one cannot be told from zero this way.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

_LOWEST = -128  # of int8: the zero point of a range that starts at 0


def keep_from_zero(tree: Any) -> None:
    """Puts a MAXIMUM in front of every int8 division by what may be zero, in place.

    Args:
        tree: from `edgeprune.conversion.flatfile.parse`.
    """
    from ai_edge_litert import schema_py_generated as schema

    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in tree.operatorCodes]
    for graph in tree.subgraphs:
        operators = []
        for operator in graph.operators:
            divides = codes[operator.opcodeIndex] == schema.BuiltinOperator.DIV
            if divides and _starts_at_zero(graph.tensors[operator.inputs[1]], schema):
                operators.append(_limited(tree, graph, operator, schema))
            operators.append(operator)
        graph.operators = operators


def _starts_at_zero(tensor: Any, schema: Any) -> bool:
    quantization = tensor.quantization
    found = quantization.zeroPoint if quantization is not None else None
    is_int8 = tensor.type == schema.TensorType.INT8
    return is_int8 and found is not None and len(found) == 1 and int(found[0]) == _LOWEST


def _limited(tree: Any, graph: Any, division: Any, schema: Any) -> Any:
    """The MAXIMUM of a divisor and its smallest step; `division` reads that from now on."""
    divisor = graph.tensors[division.inputs[1]]
    step, result = copy.deepcopy(divisor), copy.deepcopy(divisor)
    step.shape, step.shapeSignature = np.ones(len(divisor.shape), np.int32), None
    step.name, result.name = divisor.name + b"/step", divisor.name + b"/limited"
    buffer = schema.BufferT()
    buffer.data = np.array([_LOWEST + 1], np.int8).view(np.uint8)
    tree.buffers = [*tree.buffers, buffer]
    step.buffer, result.buffer = len(tree.buffers) - 1, 0
    first = len(graph.tensors)
    graph.tensors = [*graph.tensors, step, result]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MAXIMUM
    code.version = 2  # with int8
    tree.operatorCodes = [*tree.operatorCodes, code]
    limit = schema.OperatorT()
    limit.opcodeIndex = len(tree.operatorCodes) - 1
    limit.inputs = np.array([division.inputs[1], first], np.int32)
    limit.outputs = np.array([first + 1], np.int32)
    limit.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
    limit.builtinOptions = schema.MaximumMinimumOptionsT()
    division.inputs = np.array([division.inputs[0], first + 1], np.int32)
    return limit
