"""A Keras model as the bytes of a `.keras` file of its own flavour."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from edgeprune.keras_bridge.load import save_model


def saved_bytes(model: Any) -> bytes:
    """What `save_model` writes; loads with the Keras the model belongs to."""
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        path = Path(folder) / "model.keras"
        save_model(model, path)
        return path.read_bytes()
