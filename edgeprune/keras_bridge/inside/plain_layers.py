"""Layers of Keras with something added to their kernels, as the plain layer that computes the same.

    LoRA                W + alpha/rank · A·B    merged into the kernel
    quantize("int8")    W_q / scale             de-quantized; the layer no longer rounds its inputs either
    quantize("float8")  W                       kept, without the scales that rounded it

Kernels of 4 bits are refused: their layers hold no kernel that could be read back.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeprune.errors import InputError
from edgeprune.keras_types import KerasLayer

_KERNELS = ("kernel", "embeddings", "depthwise_kernel")


_OF_KERAS = {"keras_hub.CachedMultiHeadAttention": "MultiHeadAttention"}


def class_of_keras(layer: KerasLayer) -> str | None:
    """The layer of Keras that computes the same as one of KerasHub without its cache, by name; None: none."""
    return _OF_KERAS.get(f"{type(layer).__module__.split('.')[0]}.{type(layer).__name__}")


def is_merged(layer: KerasLayer) -> bool:
    """Whether a layer has low-rank updates beside its kernel."""
    return bool(getattr(layer, "lora_enabled", False))


def is_quantized(layer: KerasLayer) -> bool:
    """Whether Keras' own ``quantize`` changed a layer."""
    return getattr(layer, "quantization_mode", None) is not None


def plain_config(layer: KerasLayer) -> Mapping[str, object]:
    """What changes in a layer's configuration; its policy goes back to the one before it was quantized."""
    changed: dict[str, object] = {"lora_rank": None, "lora_alpha": None} if is_merged(layer) else {}
    changed = {key: value for key, value in changed.items() if key in layer.get_config()}
    if is_quantized(layer):
        changed |= {"dtype": layer.dtype_policy._source_name}  # noqa: SLF001 - no public name
        changed |= {"quantization_config": None} if "quantization_config" in layer.get_config() else {}
    return changed


def plain_arrays(layer: KerasLayer) -> list[np.ndarray]:
    """A layer's weights without what was added; see above.

    Raises:
        InputError: nothing tells the kernel that it had.
    """
    if not is_merged(layer) and not is_quantized(layer):
        return list(layer.get_weights())
    name = next((one for one in _KERNELS if hasattr(layer, one)), "")
    if not name or (is_quantized(layer) and layer.quantization_mode not in ("int8", "float8")):
        raise InputError(
            f"Layer '{layer.name}' of class {type(layer).__name__} was quantized by quantize("
            f'"{layer.quantization_mode}").', "Weights in floating point are expected.",
            "Give the model from before it was quantized; edgeprune quantizes the pruned one.",
        )
    kernel = np.asarray(getattr(layer, name))
    if layer.quantization_mode == "int8":
        kernel = _dequantized(layer, name, is_lora=is_merged(layer))
    bias = getattr(layer, "bias", None)
    return [kernel] if bias is None else [kernel, np.asarray(bias)]


def _dequantized(layer: KerasLayer, name: str, *, is_lora: bool) -> np.ndarray:
    own = np.asarray(getattr(layer, f"_{name}")).astype(np.float32)
    scale = np.asarray(getattr(layer, f"{name}_scale"))
    if hasattr(layer, "_adjust_scale_for_dequant"):  # EinsumDense: the scale lies along the output's axes
        scale = np.asarray(layer._adjust_scale_for_dequant(scale))  # noqa: SLF001 - there is no public name
    elif name == "embeddings":
        scale = scale[:, None]
    kernel = own / scale
    if is_lora:
        a, b = (np.asarray(getattr(layer, f"lora_{name}_{side}")) for side in "ab")
        kernel = kernel + layer.lora_alpha / layer.lora_rank * (a @ b)
    return np.asarray(kernel, np.float32)
