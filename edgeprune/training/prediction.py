"""A Keras model's predictions as arrays, one for each output."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from edgeprune.data.streamed import Array, is_streamed, parts_of
from edgeprune.keras_bridge.input_structure import as_taken, in_order_of_outputs
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasModel
from edgeprune.training.sequence import sequence_of

ModelInputs: TypeAlias = Array | tuple[Array, ...]
"""(N, …), in memory or streamed from disk; a tuple for a model of several inputs."""

Predictions: TypeAlias = tuple[np.ndarray, ...]
"""(N, …) of each output."""

_BATCH = 256


def predict(model: KerasModel, inputs: ModelInputs) -> Predictions:
    """The model's outputs, those of a dictionary in the order of `output_names`.

    Streamed inputs are read a batch at a time, while the model computes the one before.
    """
    given = as_taken(model, inputs)
    if not is_streamed(inputs):
        return as_predictions(model, model.predict(given, batch_size=_BATCH, verbose=0))
    order = np.arange(len(parts_of(inputs)[0]))
    batches = sequence_of(keras_of(model), given, None, None, _BATCH, order)
    return as_predictions(model, model.predict(batches, verbose=0))


def as_predictions(model: KerasModel, outputs: object) -> Predictions:
    """What a call of the model returned, as one array for each output."""
    return tuple(map(np.asarray, in_order_of_outputs(model, outputs)))
