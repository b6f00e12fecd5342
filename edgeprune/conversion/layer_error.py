"""Which layer loses the accuracy: every operator's output, float against quantized, on real samples.

Both files name the tensors alike, as both come from one graph. The error of a layer includes what
reached it from the layers before, as in the deployed model.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.conversion import flatfile
from edgeprune.conversion.activations import operator_outputs, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.conversion.values import Samples


@dataclasses.dataclass(frozen=True)
class LayerError:
    """What quantization did to one operator's output.

    Attributes:
        layer: the Keras layer that gave the operator, as far as the name tells.
        operator: LiteRT's name.
        tensor: the output tensor.
        relative_error: root mean square of the difference over that of the float values.
        added_error: how much of it was not there yet at the worst of the operator's inputs.
    """

    layer: str
    operator: str
    tensor: str
    relative_error: float
    added_error: float


def layer_errors(
    float_tflite: bytes, quantized_tflite: bytes, samples: Samples, layers: Sequence[str] = ()
) -> tuple[LayerError, ...]:
    """Errors of all operators both files have, worst first.

    Args:
        float_tflite: the reference.
        quantized_tflite: the same graph, quantized.
        samples: float samples; a few dozen are enough.
        layers: the Keras model's layer names, to name a layer by.
    """
    squares: dict[str, list[float]] = {}
    pairs = zip(record(float_tflite, samples), record(quantized_tflite, samples), strict=True)
    for exact, rounded in pairs:
        for tensor in exact.keys() & rounded.keys():
            if exact[tensor].shape == rounded[tensor].shape:
                sums = squares.setdefault(tensor, [0.0, 0.0])
                sums[0] += float(np.square(rounded[tensor] - exact[tensor], dtype=np.float64).sum())
                sums[1] += float(np.square(exact[tensor], dtype=np.float64).sum())
    relative = {
        name: float(np.sqrt(noise / max(signal, np.finfo(np.float32).tiny)))
        for name, (noise, signal) in squares.items()
    }
    tree = flatfile.parse(float_tflite)
    before = _errors_before(tree, relative)
    errors = [
        LayerError(
            layer_of(output.tensor, layers),
            output.operator,
            output.tensor,
            relative[output.tensor],
            relative[output.tensor] - before[output.tensor],
        )
        for output in operator_outputs(tree)
        if output.tensor in relative
    ]
    return tuple(sorted(errors, key=lambda error: (-error.relative_error, error.tensor)))


def layer_of(tensor: str, layers: Sequence[str] = ()) -> str:
    """The Keras layer in a tensor name such as ``model/conv/Relu;model/bn/FusedBatchNormV3;model/conv/…``.

    A fused operator has several names; the layer that has weights comes last.
    """
    known = set(layers)
    for part in reversed(tensor.split(";")):
        pieces = part.split("/")
        found = [piece for piece in pieces if piece in known]
        if found:
            return found[-1]
    first = [piece for piece in tensor.partition(";")[0].split("/") if piece]
    return re.sub(r":\d+$", "", first[-2] if len(first) > 1 else first[0]) if first else tensor


def _errors_before(tree: Any, relative: dict[str, float]) -> dict[str, float]:
    graph = tree.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    return {
        names[op.outputs[0]]: max((relative.get(names[i], 0.0) for i in op.inputs if i >= 0), default=0.0)
        for op in graph.operators
    }
