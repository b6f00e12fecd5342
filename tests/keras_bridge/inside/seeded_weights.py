"""Weights of models of either Keras that tests draw themselves."""

from __future__ import annotations

from typing import Any

import numpy as np


def randomized(model: Any) -> Any:
    """The model with seeded weights, no two alike, in whatever it is made of."""
    generator = np.random.default_rng(3)
    for weight in model.weights:
        drawn = generator.normal(0, 0.4, weight.shape)
        if "variance" in weight.name:
            drawn = np.abs(drawn) + 0.5
        name = weight.name.partition(":")[0].rpartition("/")[2]  # Keras 2 writes "layer/gamma:0"
        weight.assign(drawn + (name in ("gamma", "scale")))
    return model
