"""From float samples to input tensors and from output tensors to float, as the model's own scales say."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.random import default_rng  # numpy loads it late: its memory would be counted as the model's

from device_runners.agent.runtime import Interpreter, TensorDetail
from edgeprune.types import TensorInfo


def infos(details: Sequence[TensorDetail]) -> list[TensorInfo]:
    """The interpreter's tensor details as `TensorInfo`s."""
    return [
        TensorInfo(
            str(detail["name"]), tuple(int(size) for size in detail["shape"]), np.dtype(detail["dtype"]).name,
            float(detail["quantization"][0]), int(detail["quantization"][1]),
        )
        for detail in details
    ]


def quantize(x: np.ndarray, info: TensorInfo) -> np.ndarray:
    """Samples (N, …) in the dtype and sample shape of `info`: ``round(x / scale) + zero_point``, clipped.

    Integer samples for a tensor without a scale (tokens, or data that is quantized already) pass.
    """
    dtype = np.dtype(info.dtype)
    if info.scale and dtype.kind in "iu" and x.dtype != dtype:
        limits = np.iinfo(dtype)
        steps = np.round(x.astype(np.float32) / np.float32(info.scale)) + info.zero_point
        x = np.clip(steps, limits.min, limits.max)
    return np.ascontiguousarray(x.astype(dtype).reshape((len(x), *info.shape[1:])))


def dequantize(x: np.ndarray, info: TensorInfo) -> np.ndarray:
    """``(x - zero_point) * scale`` in float32; a tensor without a scale is only cast."""
    values: np.ndarray = x.astype(np.float32)
    return (values - np.float32(info.zero_point)) * np.float32(info.scale) if info.scale else values


def synthetic_input(info: TensorInfo) -> np.ndarray:
    """One input (1, …) where there is no sample: seeded noise; zeros for indices, to stay in range.

    Of floats from 0 to 1: a model may take tokens as floats, and cut to whole numbers all of these are 0.
    """
    rng = default_rng(0)
    dtype = np.dtype(info.dtype)
    if dtype.kind == "f":
        # Drawn as float32: wider ones beside them would be the process's peak of memory, not the model.
        return rng.random(info.shape, dtype=np.float32).astype(dtype, copy=False)
    if info.scale:
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, info.shape, dtype=dtype, endpoint=True)
    return np.zeros(info.shape, dtype)


def set_synthetic_inputs(interpreter: Interpreter) -> None:
    """Fill every input of the model."""
    details = interpreter.get_input_details()
    for detail, info in zip(details, infos(details)):
        interpreter.set_tensor(detail["index"], synthetic_input(info))
