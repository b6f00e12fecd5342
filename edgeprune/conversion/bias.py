"""Bias correction (Nagel et al. 2019, arXiv 1906.04721) on a quantized `.tflite`.

Rounding weights shifts a layer's mean output. Layer after layer, the mean difference between the
float and the quantized output over calibration samples is put into the int32 bias::

    bias_q[c] += round(E[float - quantized]_c / (share of c above zero, with ReLU) / (s_in * s_w[c]))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeprune.conversion import flatfile
from edgeprune.conversion.activations import record
from edgeprune.conversion.linear_operators import Linear, linear_operators, read, write

if TYPE_CHECKING:
    from edgeprune.conversion.values import Samples

_ByTensor = dict[str, npt.NDArray[Any]]
_LEAST_ACTIVE = 0.1
_INT32 = 2


def correct_bias(float_tflite: bytes, quantized_tflite: bytes, samples: Samples) -> bytes:
    """Corrects every int8 layer's bias, in the order they run.

    Args:
        float_tflite: the reference, with the same tensor names.
        quantized_tflite: full int8.
        samples: float samples; a few dozen are enough for a mean.
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
        _add_to_bias(tree, operator, gap)
    return flatfile.pack(tree)


def _add_to_bias(tree: Any, operator: Linear, gap: npt.NDArray[Any]) -> None:
    scale = np.asarray(tree.subgraphs[0].tensors[operator.bias].quantization.scale, np.float64)
    bias = read(tree, operator.bias, np.int32)
    write(tree, operator.bias, (bias + np.round(gap / scale)).astype(np.int32))


def _means(tflite: bytes, samples: Samples) -> tuple[_ByTensor, _ByTensor]:
    """Mean of each channel, and the share of values above zero, by tensor name."""
    totals: dict[str, list[Any]] = {}
    for activations in record(tflite, samples):
        for name, array in activations.items():
            rows = array.reshape(-1, array.shape[-1] if array.ndim else 1)
            sums = totals.setdefault(name, [0.0, 0.0, 0])
            sums[0] = sums[0] + rows.sum(axis=0, dtype=np.float64)
            sums[1] = sums[1] + (rows > 0).sum(axis=0)
            sums[2] += len(rows)
    return (
        {name: total / count for name, (total, _, count) in totals.items()},
        {name: above / count for name, (_, above, count) in totals.items()},
    )
