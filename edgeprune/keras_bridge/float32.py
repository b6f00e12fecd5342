"""A model that computes in half precision, made to compute in float32 with the very same weights.

Rounding to 11 or 8 bits after every layer hides whether two models compute the same; LiteRT has no
half-precision operators, and a CPU trains in half precision at a crawl. The variables of a model in mixed
precision are float32 already, so only the layers' policies change.
"""

from __future__ import annotations

import dataclasses

from edgeprune.graph.model_graph import Tensor
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.nodes import map_values
from edgeprune.keras_bridge.opened import OPENED
from edgeprune.keras_bridge.read import Reading, read
from edgeprune.keras_types import KerasModel
from edgeprune.pruning.compaction import unchanged

_HALF = ("float16", "bfloat16")


def model_in_float32(model: KerasModel) -> KerasModel:
    """The model itself if all its layers compute in float32, else a copy that does, with its loss."""
    layers = model._flatten_layers(include_self=False)  # noqa: SLF001 - nested layers, in either Keras version
    if not any(getattr(layer, "compute_dtype", None) in _HALF for layer in layers):
        return model
    copy = reading_in_float32(read(model)).model
    if getattr(model, "loss", None) is not None:
        copy.compile(loss=model.loss)
    OPENED[copy] = OPENED.get(model, ())
    return copy


def reading_in_float32(reading: Reading) -> Reading:
    """A copy of a model, float16 and bfloat16 cast to float32; the model itself where there is neither."""
    graph = reading.graph
    configs = {
        path: {key: _cast(key, value) for key, value in layer.config.items() if _is_half(key, value)}
        for path, layer in graph.layers.items()
    }
    if not any(configs.values()):
        return reading
    arguments = {
        number: map_values((call.args, dict(call.kwargs)), _cast_argument)
        for number, call in enumerate(graph.calls) if call.inputs
    }
    return read(build(reading, dataclasses.replace(unchanged(graph), configs=configs, arguments=arguments)))


def _is_half(key: str, value: object) -> bool:
    """Whether an entry of a configuration names a narrow type, anywhere inside."""
    if key == "dtype":
        return any(name in str(value) for name in _HALF)
    if isinstance(value, dict):
        return any(_is_half(inner, one) for inner, one in value.items())
    return isinstance(value, (list, tuple)) and any(_is_half("", one) for one in value)


def _cast(key: str, value: object) -> object:
    if not _is_half(key, value):
        return value
    if key == "dtype":
        return "float32"
    if isinstance(value, dict):
        return {inner: _cast(inner, one) for inner, one in value.items()}
    return [_cast("", one) for one in value] if isinstance(value, (list, tuple)) else value


def _cast_argument(value: object) -> object:
    """A constant, which Keras 2 keeps in the type of the tensor it meets, or the type to cast to."""
    import tensorflow as tf

    if isinstance(value, Tensor):
        return value
    if hasattr(value, "dtype"):
        return tf.cast(value, "float32") if _is_half("dtype", value.dtype) else value
    return "float32" if str(getattr(value, "name", value)) in _HALF else value
