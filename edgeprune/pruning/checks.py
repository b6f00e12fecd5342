"""Refuses a model and labels that nothing can come of, before anything is done."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import ModelGraph
from edgeprune.pruning.network import Data
from edgeprune.pruning.samples import count


def check_weights(graph: ModelGraph) -> None:
    """Refuses a model that computes nothing.

    Raises:
        InputError: a weight is NaN or infinite.
    """
    for path, layer in graph.layers.items():
        if not layer.weight_shapes:
            continue
        for name, weight in zip(layer.weight_names, layer.read_weights(), strict=True):
            if weight.dtype.kind == "f" and not np.isfinite(weight).all():
                raise InputError(
                    f"Layer '{path}' has NaN or infinity in its weight '{name}'.",
                    "Finite weights are expected.",
                    "Go back to an earlier state of the model; its training diverged.",
                )


def checked_labels(labels: Any, data: Data | None) -> np.ndarray | None:
    """The labels as an array; None where there are none, or no samples that they are of.

    Raises:
        InputError: not one for each sample.
    """
    if labels is None or data is None:
        return None
    if len(labels) != count(data):
        raise InputError(
            f"{len(labels)} labels were given for {count(data)} calibration samples.",
            "One for each is expected.",
        )
    return np.asarray(labels)
