"""Copies of a model with variables of their own."""

from __future__ import annotations

from collections.abc import Callable

from edgeprune.keras_bridge.derived import derive
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLayer, KerasModel


def clone(model: KerasModel, make: Callable[[KerasLayer], KerasLayer] | None = None) -> KerasModel:
    """A copy with the same weights and what layers derive from them; `make` gives the copy of each layer."""
    copy = keras_of(model).models.clone_model(model, clone_function=make)
    copy.set_weights(model.get_weights())
    derive(copy)
    return copy
