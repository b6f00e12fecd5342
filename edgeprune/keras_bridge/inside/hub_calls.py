"""Calls of well-known layers in operations that say what happens to channels.

Each computes the same as the layer's own ``call`` in inference mode, without sizes of the input written out,
so that it holds for any number of samples and any length.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.keras_types import KerasLayer, KerasTensor


def call_of(layer: KerasLayer, *, is_open: bool) -> Callable[..., object]:
    """The layer's ``call``, or what stands for it; `is_open`: the model leaves more than the batch open."""
    own = _CALLS.get(f"{type(layer).__module__.split('.')[0]}.{type(layer).__name__}")
    return layer.call if own is None else own(layer, is_open)


def _position_embedding(layer: KerasLayer, is_open: bool) -> Callable[..., KerasTensor]:
    """KerasHub's PositionEmbedding: row t of the table at step t."""

    def call(
        inputs: KerasTensor, start_index: int = 0, positions: KerasTensor | None = None, **_: object
    ) -> KerasTensor:
        from keras import ops

        if positions is None and not is_open:
            positions = np.arange(start_index, start_index + inputs.shape[-2], dtype="int32")[None]
        elif positions is None:
            zeros = ops.sum(ops.zeros_like(inputs, dtype="int32"), axis=-1)  # for any number of channels
            positions = ops.cumsum(zeros + 1, axis=-1) + (start_index - 1)
        return ops.take(layer.position_embeddings, positions, axis=0)

    return call


_CALLS: dict[str, Callable[[KerasLayer, bool], Callable[..., object]]] = {
    "keras_hub.PositionEmbedding": _position_embedding,
}
