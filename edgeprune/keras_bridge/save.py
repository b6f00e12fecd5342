"""Writes a Keras model as a `.keras` file of its own flavour."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def saved_bytes(model: Any) -> bytes:
    """The bytes of a model's `.keras` file.

    Loads with the Keras it belongs to: `tf_keras` or `keras`.
    """
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
