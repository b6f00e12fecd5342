"""A softmax at the end of a quantized graph that runs in float, where the app reads floats anyway.

    logits (int8) -> SOFTMAX -> DEQUANTIZE -> output    ->    logits (int8) -> DEQUANTIZE -> SOFTMAX -> output

XNNPACK has no int8 softmax: the delegate ends in front of it and begins anew behind it. In float it takes the
whole graph, and probabilities are not rounded to 1/256. As many operators, not a byte more.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion.flatfile import named_operators


def dequantize_before_softmax(tree: schema.ModelT) -> None:
    """Swaps every quantized SOFTMAX that only a DEQUANTIZE reads with that, in place."""
    quantized = (schema.TensorType.INT8, schema.TensorType.INT16)
    for number, graph in enumerate(tree.subgraphs):
        operators = named_operators(tree, number)
        readers: dict[int, list[int]] = {int(index): [-1] for index in graph.outputs}
        for place, (_, operator) in enumerate(operators):
            for index in operator.inputs:
                readers.setdefault(int(index), []).append(place)
        for place, (name, softmax) in enumerate(operators):
            between = int(softmax.outputs[0])
            reader, *others = readers.get(between, [-1])
            if name != "SOFTMAX" or graph.tensors[between].type not in quantized or others or reader < 0:
                continue
            kind, dequantize = operators[reader]
            if kind != "DEQUANTIZE":
                continue
            graph.tensors[between].type = schema.TensorType.FLOAT32
            graph.tensors[between].quantization = None
            dequantize.inputs, softmax.inputs = softmax.inputs, np.array([between], np.int32)
            softmax.outputs, dequantize.outputs = dequantize.outputs, np.array([between], np.int32)
            graph.operators[place], graph.operators[reader] = dequantize, softmax
