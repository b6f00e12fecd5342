"""Divisors that int8 cannot turn into zero.

A mean over what a mask leaves divides by the number of tokens. In int8 that number is counted in steps of
length / 255: one word of 600, or none at all, becomes 0, and LiteRT's DIV then fails on the device.

    count -> DIV          ->          count -> MAXIMUM(one step) -> DIV

Only a divisor whose range starts at zero is changed; a signed one cannot be told from zero this way.
"""

from __future__ import annotations

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion.flatfile import add_buffer, named_operators, new_operator

_LOWEST = -128  # of int8: the zero point of a range that starts at 0


def limit_divisors(tree: schema.ModelT) -> None:
    """Puts a MAXIMUM in front of every int8 division by what may be zero, in place."""
    for number, graph in enumerate(tree.subgraphs):
        operators = []
        for name, operator in named_operators(tree, number):
            if name == "DIV" and _starts_at_zero(graph.tensors[operator.inputs[1]]):
                operators.append(_limited(tree, graph, operator))
            operators.append(operator)
        graph.operators = operators


def _starts_at_zero(tensor: schema.TensorT) -> bool:
    found = tensor.quantization.zeroPoint if tensor.quantization is not None else None
    is_int8 = bool(tensor.type == schema.TensorType.INT8)
    return is_int8 and found is not None and len(found) == 1 and int(found[0]) == _LOWEST


def _limited(tree: schema.ModelT, graph: schema.SubGraphT, division: schema.OperatorT) -> schema.OperatorT:
    """The MAXIMUM of a divisor and its smallest step; `division` reads that from now on."""
    divisor = graph.tensors[division.inputs[1]]
    step, result = copy.deepcopy(divisor), copy.deepcopy(divisor)
    step.shape, step.shapeSignature = np.ones(len(divisor.shape), np.int32), None
    step.name, result.name = divisor.name + b"/step", divisor.name + b"/limited"
    step.buffer, result.buffer = add_buffer(tree, np.array([_LOWEST + 1], np.int8).tobytes()), 0
    first = len(graph.tensors)
    graph.tensors = [*graph.tensors, step, result]
    inputs = (division.inputs[1], first)
    division.inputs = np.array([division.inputs[0], first + 1], np.int32)
    # Version 2 is the one with int8.
    return new_operator(tree, "MAXIMUM", 2, "MaximumMinimumOptions", inputs, [first + 1])
