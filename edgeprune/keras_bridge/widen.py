"""A model that computes in half precision, made to compute in float32.

Rounding to 11 or 8 bits after every layer hides whether two models compute the same; their float32
twins, with the very same weights, show it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from edgeprune.graph.model_graph import Tensor
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.nodes import map_values
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.compaction import unchanged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.keras_bridge.read import Reading


_NARROW = ("float16", "bfloat16")


def in_float32(reading: Reading) -> Reading:
    """The twin of a model, float16 and bfloat16 widened; the model itself where there is neither."""
    graph = reading.graph
    configs = {path: _changed(layer.config) for path, layer in graph.layers.items()}
    if not any(configs.values()):
        return reading
    arguments = {
        number: map_values((call.args, dict(call.kwargs)), _wide_argument)
        for number, call in enumerate(graph.calls)
        if call.inputs
    }
    return read(build(reading, dataclasses.replace(unchanged(graph), configs=configs, arguments=arguments)))


def _changed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a configuration that name a narrow type, anywhere inside, with float32 in its place."""
    return {key: _widened(key, value) for key, value in config.items() if _is_narrow(key, value)}


def _is_narrow(key: str, value: Any) -> bool:
    if key == "dtype":
        return any(name in str(value) for name in _NARROW)
    if isinstance(value, dict):
        return any(_is_narrow(inner, one) for inner, one in value.items())
    return isinstance(value, (list, tuple)) and any(_is_narrow("", one) for one in value)


def _widened(key: str, value: Any) -> Any:
    if not _is_narrow(key, value):
        return value
    if key == "dtype":
        return "float32"
    if isinstance(value, dict):
        return {inner: _widened(inner, one) for inner, one in value.items()}
    return [_widened("", one) for one in value]


def _wide_argument(value: Any) -> Any:
    """A constant, which Keras 2 keeps in the type of the tensor it meets, or the type to cast to."""
    import tensorflow as tf

    if isinstance(value, Tensor):
        return value
    if hasattr(value, "dtype"):
        return tf.cast(value, "float32") if _is_narrow("dtype", value.dtype) else value
    return "float32" if str(getattr(value, "name", value)) in _NARROW else value
