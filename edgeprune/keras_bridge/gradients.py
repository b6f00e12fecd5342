"""Gradients of a model's loss with respect to its weights, for the criteria that ask for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from edgeprune.errors import InputError
from edgeprune.keras_bridge.input_structure import as_taken
from edgeprune.keras_bridge.read import Reading
from edgeprune.keras_bridge.run import fixed_batch, forget
from edgeprune.keras_types import KerasTensor
from edgeprune.pruning.divergence import is_distribution
from edgeprune.pruning.network import Data
from edgeprune.pruning.samples import count, take

BATCH = 32


def gradients(
    reading: Reading, data: Data, labels: np.ndarray | None
) -> Iterator[Mapping[str, list[np.ndarray]]]:
    """One gradient for each batch, in inference mode: layer to arrays, zero for what the loss cannot reach.

    The loss of the first output: cross-entropy where it is a distribution over classes, with
    the class numbers in `labels` or else the model's own choice, or where there is a class
    number for each vector of logits; half the squared difference from `labels` (or 0) otherwise.
    """
    import tensorflow as tf

    layers = {path: list(getattr(layer, "weights", [])) for path, layer in reading.layers.items()}
    variables = [_variable(weight) for weights in layers.values() for weight in weights]
    total = count(data)
    stateful = [layer for layer in reading.layers.values() if getattr(layer, "stateful", False)]
    fixed = fixed_batch(reading)
    batch = fixed or BATCH
    for start in range(0, total, batch):
        part = np.arange(start, min(start + batch, total))
        if fixed:
            part = np.arange(start, start + batch) % total
            for layer in stateful:
                forget(layer)  # every batch starts anew
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = reading.model(as_taken(reading.model, take(data, part)), training=False)
            loss = _loss(_first(outputs), None if labels is None else labels[part])
        found = iter(tape.gradient(loss, variables))
        yield {path: [_dense(next(found), weight) for weight in weights] for path, weights in layers.items()}


def _first(outputs: KerasTensor) -> KerasTensor:
    while isinstance(outputs, (list, tuple, dict)):
        outputs = next(iter(outputs.values() if isinstance(outputs, dict) else outputs))
    return outputs


def _loss(output: KerasTensor, labels: np.ndarray | None) -> KerasTensor:
    import tensorflow as tf

    values = np.asarray(output)
    if not is_distribution(values) and _are_classes(labels, values.shape):
        output = tf.nn.softmax(output)
        values = np.asarray(output)
    if is_distribution(values):
        chosen = np.argmax(values, axis=-1) if labels is None else _placed(labels, values.shape[:-1])
        if not ((chosen >= 0) & (chosen < values.shape[-1])).all():
            raise InputError(
                f"The labels go from {chosen.min()} to {chosen.max()}.",
                f"Numbers from 0 to {values.shape[-1] - 1} are expected, as many as there are classes.",
            )
        picked = tf.gather(output, chosen.astype(np.int64), axis=-1, batch_dims=values.ndim - 1)
        return -tf.reduce_sum(tf.math.log(picked + 1e-9))
    wanted = np.zeros((), values.dtype)
    if labels is not None:
        wanted = _placed(labels, values.shape).astype(values.dtype)
    return 0.5 * tf.reduce_sum((output - wanted) ** 2)


def _are_classes(labels: np.ndarray | None, shape: tuple[int, ...]) -> bool:
    """Whether there is a whole number for each vector of an output."""
    if labels is None or len(shape) < 2 or shape[-1] < 2:
        return False
    return bool(np.issubdtype(labels.dtype, np.integer)) and labels.size == math.prod(shape[:-1])


def _placed(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Labels in the shape that the model's first output asks for."""
    if labels.size != math.prod(shape):
        raise InputError(
            f"The labels have shape {labels.shape[1:]} for each sample.",
            f"The first output takes labels of shape {tuple(shape[1:])}.",
        )
    return labels.reshape(shape)


def _variable(weight: KerasTensor) -> KerasTensor:
    """The tf.Variable: itself in Keras 2, inside of Keras 3's own."""
    return getattr(weight, "value", weight) if hasattr(weight, "_value") else weight


def _dense(gradient: KerasTensor | None, weight: KerasTensor) -> np.ndarray:
    import tensorflow as tf

    if gradient is None:
        return np.zeros(tuple(weight.shape), np.float32)
    return np.asarray(tf.convert_to_tensor(gradient))
