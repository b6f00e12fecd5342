"""A Keras model's predictions as arrays, one for each output."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from edgeprune.data.streamed import Array, batches_of, is_streamed
from edgeprune.keras_bridge.input_structure import as_taken, in_order_of_outputs
from edgeprune.keras_types import KerasModel

ModelInputs: TypeAlias = Array | tuple[Array, ...]
"""(N, …), in memory or streamed from disk; a tuple for a model of several inputs."""

Predictions: TypeAlias = tuple[np.ndarray, ...]
"""(N, …) of each output."""


def predict(model: KerasModel, inputs: ModelInputs) -> Predictions:
    """The model's outputs, those of a dictionary in the order of `output_names`.

    Streamed inputs are read a batch at a time.
    """
    batches = batches_of(inputs) if is_streamed(inputs) else [inputs]
    parts = [
        as_predictions(model, model.predict(as_taken(model, batch), batch_size=256, verbose=0))
        for batch in batches
    ]
    return parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts, strict=True)))


def as_predictions(model: KerasModel, outputs: object) -> Predictions:
    """What a call of the model returned, as one array for each output."""
    return tuple(map(np.asarray, in_order_of_outputs(model, outputs)))
