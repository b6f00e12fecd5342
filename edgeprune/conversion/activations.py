"""What every operator of a `.tflite` file gives for real samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from device_runners.agent.tensors import dequantize, infos
from edgeprune.conversion import flatfile
from edgeprune.conversion.litert import interpreter, set_sample
from edgeprune.conversion.values import Samples

Activations = dict[str, np.ndarray]
"""Tensor name to its real values (float32) for one sample, batch axis included."""


def record(tflite: bytes, samples: Samples) -> Iterator[Activations]:
    """Runs samples one by one and gives all activations, weights left out.

    It runs without delegates: nothing inside XNNPACK can be read.
    """
    loaded = interpreter(
        tflite, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    graph = flatfile.parse(tflite).subgraphs[0]
    wanted = {int(index) for op in graph.operators for index in op.outputs} | set(map(int, graph.inputs))
    details = [
        detail for detail in loaded.get_tensor_details()
        if detail["index"] in wanted and detail["dtype"] in (np.float32, np.int8, np.int16)
    ]
    indexed = [(detail["index"], info) for detail, info in zip(details, infos(details), strict=True)]
    for i in range(len(samples[0])):
        set_sample(loaded, [array[i : i + 1] for array in samples])
        loaded.invoke()
        # Where a tensor and its float or int8 twin share a name, both hold the same values.
        yield {
            info.name: dequantize(values, info)
            for index, info in indexed if (values := _values(loaded, index)) is not None
        }


def _values(loaded: Interpreter, index: int) -> np.ndarray | None:
    """A tensor's values; None where it has none, such as what a loop gives and nobody reads."""
    try:
        return np.asarray(loaded.get_tensor(index))
    except ValueError:
        return None


def channel_rows(array: np.ndarray) -> np.ndarray:
    """(values, channels): all axes but the last in one."""
    return array.reshape(-1, array.shape[-1] if array.ndim else 1)
