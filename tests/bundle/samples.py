"""A small bundle, made of bytes that need no TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.bundle import pack_eval
from edgeprune.types import Manifest, TensorInfo

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = Manifest(
    task="vision",
    inputs=(TensorInfo("image", (1, 4, 4, 1), "int8", 0.5, -3),),
    outputs=(TensorInfo("class", (1, 3), "int8", 0.25, 7),),
    preprocessing=({"op": "rescale", "scale": 0.5, "offset": -1.0},),
    metrics=("accuracy",),
    files={},
    seed=5,
    recipe={"prune": 0.5},
    versions={"numpy": np.__version__},
    commands=("edgeprune build",),
)


def files(model: bytes = b"not really a model") -> dict[str, bytes | Path]:
    rng = np.random.default_rng(3)
    samples = rng.integers(0, 255, (6, 4, 4, 1)).astype(np.uint8)
    return {
        "model.tflite": model,
        "model.keras": b"\x00keras",
        "report.json": b"{}",
        "labels.txt": b"a\nb\nc\n",
        "eval.npz": pack_eval([samples], np.arange(6) % 3),
    }
