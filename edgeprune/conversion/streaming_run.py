"""Runs a streaming file over all steps of samples, one step a call, as an app does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from device_runners.agent.tensors import dequantize, infos, quantize
from edgeprune.conversion.litert import interpreter
from edgeprune.keras_types import KerasModel


def used_steps(model: KerasModel, x: np.ndarray) -> np.ndarray:
    """Which steps (N, T) of the samples (N, T, …) an app would feed: not those that the model masks."""
    layers = list(model._flatten_layers())  # noqa: SLF001 - no public walk of all layers
    used = np.ones(x.shape[:2], bool)
    if x.ndim == 2 and any(getattr(layer, "mask_zero", False) for layer in layers):
        used &= x != 0
    for layer in layers:
        if type(layer).__name__ == "Masking" and x.ndim > 2:
            used &= np.any(x != layer.mask_value, axis=-1)
    return used


def run_streaming(
    tflite: bytes, x: np.ndarray, used: np.ndarray, reference: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    """The outputs of a streaming file for samples (N, T, …), in the shapes of the model's `reference`.

    What has a time axis holds each step's output, all else that of the last step. Steps that are not used are
    not fed, and stay as they are there.
    """
    loaded = interpreter(tflite)
    inputs, outputs = loaded.get_input_details(), loaded.get_output_details()
    info = infos(inputs)[0]
    found = [np.array(one, np.float32) for one in reference]
    by_step = [one.ndim > 1 and one.shape[1] == x.shape[1] for one in reference]
    for n, sequence in enumerate(x):
        states = [np.zeros(detail["shape"], detail["dtype"]) for detail in inputs[1:]]
        for t in np.flatnonzero(used[n]):
            loaded.set_tensor(inputs[0]["index"], quantize(sequence[None, t : t + 1], info))
            for detail, state in zip(inputs[1:], states, strict=True):
                loaded.set_tensor(detail["index"], state)
            loaded.invoke()
            made = [loaded.get_tensor(detail["index"]) for detail in outputs]
            states = made[len(reference) :]
            for result, per_step, one, tensor in zip(
                found, by_step, made[: len(reference)], infos(outputs)[: len(reference)], strict=True
            ):
                if per_step:
                    result[n, t] = dequantize(one, tensor)[0, 0]
                else:
                    result[n] = dequantize(one, tensor)[0]
    return tuple(found)
