"""Bias correction (Nagel et al. 2019, arXiv 1906.04721) on a quantized `.tflite`.

Rounding weights shifts a layer's mean output. Layer after layer, the mean difference between the
float and the quantized output over calibration samples is put into the int32 bias::

    bias_q[c] += round(E[float - quantized]_c / (ratio of c above zero, with ReLU) / (s_in * s_w[c]))
"""

from __future__ import annotations

import collections

import numpy as np

from edgeprune.conversion import flatfile
from edgeprune.conversion.activations import channel_rows, record
from edgeprune.conversion.linear_operators import linear_operators
from edgeprune.conversion.values import Samples

_ByTensor = dict[str, np.ndarray]
_LEAST_ACTIVE = 0.1
_INT32 = 2


def correct_bias(float_tflite: bytes, quantized_tflite: bytes, samples: Samples) -> bytes:
    """Corrects every int8 layer's bias, in the order they run; a few dozen samples are enough for a mean.

    The float file is the reference and has the same tensor names.
    """
    wanted, active = _means(float_tflite, samples)
    tree = flatfile.parse(quantized_tflite)
    tensors = tree.subgraphs[0].tensors
    for operator in linear_operators(tree):
        name = tensors[operator.target].name.decode()
        if operator.bias < 0 or tensors[operator.bias].type != _INT32 or name not in wanted:
            continue
        found, _ = _means(flatfile.pack(tree), samples)
        gap = wanted[name] - found[name]
        if operator.activation != "NONE":
            gap = gap / np.maximum(active[name], _LEAST_ACTIVE)
        scale = np.asarray(tensors[operator.bias].quantization.scale, np.float64)
        bias = flatfile.read_constant(tree, operator.bias, np.int32)
        flatfile.write_constant(tree, operator.bias, (bias + np.round(gap / scale)).astype(np.int32))
    return flatfile.pack(tree)


def _means(tflite: bytes, samples: Samples) -> tuple[_ByTensor, _ByTensor]:
    """Mean of each channel, and the ratio of values above zero, by tensor name."""
    sums, above, counts = _ByTensor(), _ByTensor(), collections.Counter[str]()
    for activations in record(tflite, samples):
        for name, array in activations.items():
            rows = channel_rows(array)
            sums[name] = sums.get(name, 0.0) + rows.sum(axis=0, dtype=np.float64)
            above[name] = above.get(name, 0.0) + (rows > 0).sum(axis=0)
            counts[name] += len(rows)
    means, active = ({name: total / counts[name] for name, total in one.items()} for one in (sums, above))
    return means, active
