"""Copies of a model with variables of their own, and what layers derive from these.

Layers do so once, and not again when weights are set.
"""

from __future__ import annotations

from collections.abc import Callable

from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLayer, KerasModel


def clone(model: KerasModel, make: Callable[[KerasLayer], KerasLayer] | None = None) -> KerasModel:
    """A copy with the same weights and what layers derive from them; `make` gives the copy of each layer."""
    copy = keras_of(model).models.clone_model(model, clone_function=make)
    copy.set_weights(model.get_weights())
    derive(copy)
    return copy


def derive(model: KerasModel) -> None:
    """Has adapted layers make their constants again: from mean and variance, from a summary of the data.

    Keras does so after loading (`keras.layers.Normalization.finalize_state`), not after ``set_weights``.
    """
    for layer in model._flatten_layers():  # noqa: SLF001 - nested layers, both Keras versions
        kind = type(layer).__name__
        if kind == "Normalization" or (kind == "Discretization" and layer.weights):
            layer.finalize_state()
