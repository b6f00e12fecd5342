"""Which layer loses the accuracy: every operator's output, float against quantized, on real samples.

Both files name the tensors alike, as both come from one graph. The error of a layer includes what
reached it from the layers before, as in the deployed model.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import re
from collections.abc import Sequence

import numpy as np

from edgeprune.conversion import flatfile
from edgeprune.conversion.activations import record
from edgeprune.conversion.values import Samples


@dataclasses.dataclass(frozen=True)
class LayerError:
    """What quantization did to one operator's output."""

    layer: str  # the Keras layer that gave the operator, as far as the name tells
    operator: str  # LiteRT's name
    tensor: str
    relative_error: float  # root mean square of the difference over that of the float values
    added_error: float  # how much of it was not there yet at the worst of the operator's inputs


def layer_errors(
    float_tflite: bytes, quantized_tflite: bytes, samples: Samples, layers: Sequence[str] = ()
) -> tuple[LayerError, ...]:
    """Errors of all operators both files have, worst first; a few dozen samples are enough.

    `layers` are the Keras model's layer names, to name a layer by.
    """
    relative = _relative_errors(float_tflite, quantized_tflite, samples)
    tree = flatfile.parse(float_tflite)
    names = [tensor.name.decode() for tensor in tree.subgraphs[0].tensors]
    errors = []
    for operator, op in flatfile.named_operators(tree):
        tensor = names[op.outputs[0]]
        if tensor in relative and operator not in ("QUANTIZE", "DEQUANTIZE"):
            before = max((relative.get(names[i], 0.0) for i in op.inputs if i >= 0), default=0.0)
            error = relative[tensor]
            errors.append(LayerError(layer_of(tensor, layers), operator, tensor, error, error - before))
    return tuple(sorted(errors, key=lambda error: (-error.relative_error, error.tensor)))


def _relative_errors(float_tflite: bytes, quantized_tflite: bytes, samples: Samples) -> dict[str, float]:
    """Root mean square of the difference over that of the float values, by tensor name."""
    noise: dict[str, float] = collections.defaultdict(float)
    signal: dict[str, float] = collections.defaultdict(float)
    pairs = zip(record(float_tflite, samples), record(quantized_tflite, samples), strict=True)
    for exact, rounded in pairs:
        for tensor in exact.keys() & rounded.keys():
            if exact[tensor].shape == rounded[tensor].shape:
                difference = rounded[tensor] - exact[tensor]
                noise[tensor] += np.square(difference, dtype=np.float64).sum()
                signal[tensor] += np.square(exact[tensor], dtype=np.float64).sum()
    tiny = float(np.finfo(np.float32).tiny)
    return {name: math.sqrt(noise[name] / max(signal[name], tiny)) for name in noise}


def layer_of(tensor: str, layers: Sequence[str] = ()) -> str:
    """The Keras layer in a tensor name such as ``model/conv/Relu;model/bn/FusedBatchNormV3;model/conv/…``.

    A fused operator has several names; the layer that has weights comes last.
    """
    for part in reversed(tensor.split(";")):
        found = [piece for piece in part.split("/") if piece in layers]
        if found:
            return found[-1]
    first = [piece for piece in tensor.partition(";")[0].split("/") if piece]
    return re.sub(r":\d+$", "", first[-2] if len(first) > 1 else first[0]) if first else tensor
