"""A model that was trained in mixed precision, as one that computes in float32.

LiteRT has no half-precision operators, and a CPU trains in half precision at a crawl. The variables of a
mixed model are float32 already, so only the layers' policies change.
"""

from __future__ import annotations

from typing import Any

from edgeprune.keras_bridge import widen
from edgeprune.keras_bridge.read import read

_REDUCED = frozenset({"float16", "bfloat16"})


def in_float32(model: Any) -> Any:
    """The model itself if it computes in float32, else a copy that does, with its weights and its loss.

    Args:
        model: tf_keras or Keras 3; not changed.
    """
    layers = model._flatten_layers(include_self=False)  # noqa: SLF001 - nested layers, both flavours
    if not any(getattr(layer, "compute_dtype", None) in _REDUCED for layer in layers):
        return model
    copy = widen.in_float32(read(model)).model
    if getattr(model, "loss", None) is not None:
        copy.compile(loss=model.loss)
    return copy
