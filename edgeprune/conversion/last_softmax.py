"""A softmax at the end of a quantized graph that runs in float, where the app reads floats anyway.

    logits (int8) -> SOFTMAX -> DEQUANTIZE -> output    ->    logits (int8) -> DEQUANTIZE -> SOFTMAX -> output

XNNPACK has no int8 softmax: the delegate ends in front of it and begins anew behind it. In float it takes the
whole graph, and probabilities are not rounded to 1/256. As many operators, not a byte more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_QUANTIZED = ("INT8", "INT16")


def run_in_float(tree: Any) -> None:
    """Swaps every quantized SOFTMAX that only a DEQUANTIZE reads with that, in place.

    Args:
        tree: from `edgeprune.conversion.flatfile.parse`.
    """
    from ai_edge_litert import schema_py_generated as schema

    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in tree.operatorCodes]
    quantized = {getattr(schema.TensorType, name) for name in _QUANTIZED}
    for graph in tree.subgraphs:
        readers: dict[int, list[int]] = {int(index): [-1] for index in graph.outputs}
        for place, operator in enumerate(graph.operators):
            for index in operator.inputs:
                readers.setdefault(int(index), []).append(place)
        for place, softmax in enumerate(graph.operators):
            between = int(softmax.outputs[0])
            if codes[softmax.opcodeIndex] != schema.BuiltinOperator.SOFTMAX:
                continue
            if graph.tensors[between].type not in quantized or len(readers.get(between, [])) != 1:
                continue
            reader = readers[between][0]
            dequantize = graph.operators[reader]
            if reader < 0 or codes[dequantize.opcodeIndex] != schema.BuiltinOperator.DEQUANTIZE:
                continue
            graph.tensors[between].type = schema.TensorType.FLOAT32
            graph.tensors[between].quantization = None
            dequantize.inputs, softmax.inputs = softmax.inputs, np.array([between], np.int32)
            softmax.outputs, dequantize.outputs = dequantize.outputs, np.array([between], np.int32)
            graph.operators[place], graph.operators[reader] = dequantize, softmax
