"""Cross-layer range equalisation (Nagel et al. 2019, arXiv 1906.04721) on a float `.tflite`.

One step of int8 serves all channels of a tensor, so a channel with small values gets few levels.
Between a layer A with ReLU or no activation and the only layer B that reads it,
ReLU(s x) = s ReLU(x) for s > 0 lets channels be rescaled with no change to what the network computes::

    A: weights[c] / s_c, bias[c] / s_c        B: weights[..., c] * s_c

Weights are quantized per output channel, so for a depthwise B the channels can be made fully equal;
otherwise the spread is shared between the activation and B's weights.
"""

from __future__ import annotations

import collections

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion import flatfile
from edgeprune.conversion.activations import channel_rows, record
from edgeprune.conversion.linear_operators import IN_AXIS, OUT_AXIS, LinearOperator, linear_operators
from edgeprune.conversion.values import Samples

# A channel that is almost always zero would be blown up without end.
_LARGEST_SCALE = 16.0


def equalize(float_tflite: bytes, samples: Samples) -> bytes:
    """Rescales every pair of layers it may, by the channels' ranges on the samples.

    The result computes the same up to float rounding.
    """
    tree = flatfile.parse(float_tflite)
    names = [tensor.name.decode() for tensor in tree.subgraphs[0].tensors]
    peaks = _channel_peaks(float_tflite, samples)
    for first, second in _pairs(tree):
        kernel = flatfile.read_constant(tree, second.weights, np.float32)
        scale = _scales(peaks[names[first.target]], second, kernel)
        for tensor, axis, factor in (
            (first.weights, OUT_AXIS[first.kind], 1 / scale), (first.bias, 0, 1 / scale),
            (second.weights, IN_AXIS[second.kind], scale),
        ):
            if tensor >= 0:
                values = flatfile.read_constant(tree, tensor, np.float32)
                along = factor.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
                flatfile.write_constant(tree, tensor, (values * along).astype(np.float32))
    return flatfile.pack(tree)


def _pairs(tree: schema.ModelT) -> list[tuple[LinearOperator, LinearOperator]]:
    operators = linear_operators(tree)
    graph = tree.subgraphs[0]
    readers = collections.Counter(int(index) for op in graph.operators for index in op.inputs)
    outputs = set(map(int, graph.outputs))
    by_source = {operator.source: operator for operator in operators}
    uses = collections.Counter(tensor for one in operators for tensor in (one.weights, one.bias))
    return [
        (first, second)
        for first in operators
        if (second := by_source.get(first.target)) is not None
        and readers[first.target] == 1
        and first.target not in outputs
        and first.activation in ("NONE", "RELU")
        and uses[first.weights] == uses[second.weights] == 1
        and (first.bias < 0 or uses[first.bias] == 1)
        and _same_channels(tree, first, second)
    ]


def _same_channels(tree: schema.ModelT, first: LinearOperator, second: LinearOperator) -> bool:
    """Whether A's outputs are B's inputs one to one: no grouping, no channel multiplier, no flattening."""
    tensors = tree.subgraphs[0].tensors
    out = tensors[first.weights].shape[OUT_AXIS[first.kind]]
    return bool(out == tensors[second.weights].shape[IN_AXIS[second.kind]] == tensors[first.target].shape[-1])


def _scales(peaks: np.ndarray, second: LinearOperator, weights: np.ndarray) -> np.ndarray:
    """(channels,) float32, to multiply B's weights by."""
    peaks = np.maximum(peaks, peaks.max() / _LARGEST_SCALE)
    if second.kind == "DEPTHWISE_CONV_2D":
        return np.asarray(peaks / peaks.max(), np.float32)
    others = tuple(axis for axis in range(weights.ndim) if axis != IN_AXIS[second.kind])
    largest = np.abs(weights).max(axis=others)
    scale = np.sqrt(peaks / np.maximum(largest, largest.max() / _LARGEST_SCALE))
    return np.asarray(scale / np.exp(np.log(scale).mean()), np.float32)


def _channel_peaks(float_tflite: bytes, samples: Samples) -> dict[str, np.ndarray]:
    peaks: dict[str, np.ndarray] = {}
    for activations in record(float_tflite, samples):
        for name, array in activations.items():
            peak = np.abs(channel_rows(array)).max(axis=0)
            peaks[name] = np.maximum(peaks[name], peak) if name in peaks else peak
    # A dead tensor needs no levels; 1 leaves it as it is.
    return {name: np.where(peak.max() > 0, peak, 1.0) for name, peak in peaks.items()}
