"""What layers derive from their weights once, and do not derive again when weights are set."""

from __future__ import annotations

from typing import Any


def derive(model: Any) -> None:
    """Has `Normalization` layers make their constants again from the adapted mean and variance.

    Keras does so after loading (`keras.layers.Normalization.finalize_state`), not after ``set_weights``.
    """
    for layer in model._flatten_layers():  # noqa: SLF001 - nested layers, both flavours
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()
