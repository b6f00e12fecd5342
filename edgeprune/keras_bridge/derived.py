"""What layers derive from their weights once, and do not derive again when weights are set."""

from __future__ import annotations

from edgeprune.keras_types import KerasModel


def derive(model: KerasModel) -> None:
    """Has adapted layers make their constants again: from mean and variance, from a summary of the data.

    Keras does so after loading (`keras.layers.Normalization.finalize_state`), not after ``set_weights``.
    """
    for layer in model._flatten_layers():  # noqa: SLF001 - nested layers, both Keras versions
        kind = type(layer).__name__
        if kind == "Normalization" or (kind == "Discretization" and layer.weights):
            layer.finalize_state()
