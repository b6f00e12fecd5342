"""What every operator of a `.tflite` file gives for real samples."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeprune.conversion import flatfile
from edgeprune.conversion.litert import dequantized, feed, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.conversion.values import Samples

Activations = dict[str, npt.NDArray[np.float32]]
"""Tensor name to its real values for one sample, batch axis included."""


@dataclasses.dataclass(frozen=True)
class OperatorOutput:
    """One operator's first output in the main subgraph.

    Attributes:
        tensor: the output tensor's name.
        operator: LiteRT's name of the operator.
    """

    tensor: str
    operator: str


def operator_outputs(tree: Any) -> list[OperatorOutput]:
    """Operators of the main subgraph, in the order they run, without mere changes of type."""
    graph = tree.subgraphs[0]
    names = [flatfile.operator_name(code) for code in tree.operatorCodes]
    return [
        OperatorOutput(graph.tensors[op.outputs[0]].name.decode(), names[op.opcodeIndex])
        for op in graph.operators
        if names[op.opcodeIndex] not in ("QUANTIZE", "DEQUANTIZE")
    ]


def record(tflite: bytes, samples: Samples) -> Iterator[Activations]:
    """Runs samples one by one and gives all activations as real numbers.

    Weights are left out. Delegates are too: inside XNNPACK nothing can be read.
    """
    from ai_edge_litert.interpreter import OpResolverType

    loaded = interpreter(
        tflite,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    wanted = _activation_indices(flatfile.parse(tflite))
    details = {one["index"]: one for one in loaded.get_tensor_details() if one["index"] in wanted}
    for i in range(len(samples[0])):
        feed(loaded, [array[i : i + 1] for array in samples])
        loaded.invoke()
        # Where a tensor and its float or int8 twin share a name, both hold the same values.
        yield {
            detail["name"]: dequantized(values, detail)
            for index, detail in details.items()
            if detail["dtype"] in (np.float32, np.int8, np.int16)
            and (values := _values(loaded, index)) is not None
        }


def _values(loaded: Any, index: int) -> npt.NDArray[Any] | None:
    """A tensor's values; None where it has none, such as what a loop gives and nobody reads."""
    try:
        values: npt.NDArray[Any] = loaded.get_tensor(index)
    except ValueError:
        return None
    return values


def _activation_indices(tree: Any) -> set[int]:
    graph = tree.subgraphs[0]
    produced = {int(index) for op in graph.operators for index in op.outputs}
    return produced | {int(index) for index in graph.inputs}
