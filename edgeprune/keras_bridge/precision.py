"""A model that was trained in mixed precision, as one that computes in float32.

LiteRT has no half-precision operators, and a CPU trains in half precision at a crawl. The variables of a
mixed model are float32 already, so only the layers' policies change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeprune.keras_bridge.derived import derive
from edgeprune.keras_bridge.flavour import keras_of

_REDUCED = frozenset({"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"})


def in_float32(model: Any) -> Any:
    """The model itself if it computes in float32, else a copy that does, with its weights and its loss.

    Args:
        model: tf_keras or Keras 3; not changed.
    """
    layers = model._flatten_layers(include_self=False)  # noqa: SLF001 - nested layers, both flavours
    if not any(getattr(layer, "compute_dtype", None) in _REDUCED for layer in layers):
        return model
    copy = _cloned(model)
    copy.set_weights(model.get_weights())
    derive(copy)
    if getattr(model, "loss", None) is not None:
        copy.compile(loss=model.loss)
    return copy


def _cloned(model: Any) -> Any:
    keras = keras_of(model)

    def again(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return _cloned(layer)
        return type(layer).from_config(_rewritten(layer.get_config()))

    copy = keras.models.clone_model(model, clone_function=again)
    copy._name = model.name  # noqa: SLF001 - a Sequential model gets a new one
    return copy


def _rewritten(config: Any) -> Any:
    """A layer's configuration, those of layers and cells inside of it too."""
    if isinstance(config, Mapping):
        return {
            key: "float32" if key == "dtype" and _policy_name(value) in _REDUCED else _rewritten(value)
            for key, value in config.items()
        }
    if isinstance(config, tuple):
        return tuple(map(_rewritten, config))
    if isinstance(config, list):  # or TensorFlow's wrapper of one
        return [_rewritten(item) for item in config]
    return config


def _policy_name(value: Any) -> str:
    """Of a policy as an object, as its configuration or as its name."""
    if isinstance(value, Mapping):
        value = value.get("config", {}).get("name", "")
    return str(getattr(value, "name", value))
