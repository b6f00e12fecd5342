"""Positions of outputs that a model leaves out itself: padding, behind Embedding(mask_zero) or Masking.

Keras leaves them out of the loss; so must whoever judges the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeprune.data.streamed import batches_of, parts_of
from edgeprune.keras_bridge.input_structure import as_taken, in_order_of_outputs
from edgeprune.keras_types import KerasLayer, KerasModel
from edgeprune.training.prediction import ModelInputs

_BATCH = 256


def output_masks(model: KerasModel, inputs: ModelInputs) -> tuple[np.ndarray | None, ...]:
    """(N, T) of each output, True where it counts; None for an output that leaves nothing out."""
    bare = (None,) * len(model.outputs)
    if not any(_masks(layer) for layer in _layers(model)) or not len(parts_of(inputs)[0]):
        return bare
    found: list[tuple[np.ndarray | None, ...]] = []
    for batch in batches_of(inputs, _BATCH):
        outputs = in_order_of_outputs(model, model(as_taken(model, batch), training=False))
        masks = [getattr(one, "_keras_mask", None) for one in outputs]
        found.append(tuple(None if mask is None else np.asarray(mask, bool) for mask in masks))
    return tuple(
        np.concatenate([one for one in several if one is not None]) if all(
            one is not None for one in several
        ) else None
        for several in zip(*found, strict=True)
    )


def _layers(model: KerasModel) -> Iterator[KerasLayer]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _masks(layer: KerasLayer) -> bool:
    return bool(getattr(layer, "mask_zero", False)) or type(layer).__name__ == "Masking"
