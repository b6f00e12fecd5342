"""Inputs made up from a model's own signature, for when no data was given.

Good enough to compare a model with its masked original; no stand-in for calibration data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.layers import rule_for

if TYPE_CHECKING:
    from edgeprune.graph.model_graph import ModelGraph, Tensor

OPEN_LENGTH = 16
"""What an axis of open size is taken to be; see `edgeprune.keras_bridge.made_up`."""


def synthetic_inputs(
    graph: ModelGraph, samples: int, seed: int, length: int = OPEN_LENGTH
) -> list[np.ndarray]:
    """Random inputs: normal numbers, whole numbers where they are looked up in a table, or words.

    Args:
        graph: of the model.
        samples: how many.
        seed: the same one gives the same inputs.
        length: of axes whose size is open.
    """
    generator = np.random.default_rng(seed)
    return [_one(graph, tensor, samples, length, generator) for tensor in graph.inputs]


def _one(
    graph: ModelGraph, tensor: Tensor, samples: int, length: int, generator: np.random.Generator
) -> np.ndarray:
    shape = (samples, *(length if size is None else size for size in tensor.shape[1:]))
    if tensor.dtype == "string":
        return generator.choice(_words(graph), shape).astype(object)
    entries = _tables(graph, tensor)
    if entries:
        return generator.integers(0, min(entries), shape).astype(tensor.dtype)
    if tensor.dtype == "bool":
        return np.ones(shape, bool)
    if not np.issubdtype(np.dtype(tensor.dtype), np.floating):
        return generator.integers(0, 2, shape).astype(tensor.dtype)
    return generator.normal(size=shape).astype(tensor.dtype)


def _words(graph: ModelGraph) -> list[str]:
    """What the model looks words up in, with numbers, which may be hashed; all in one text."""
    known = [layer.config.get("vocabulary") for layer in graph.layers.values()]
    words = [str(word) for one in known if isinstance(one, (list, tuple)) for word in one]
    return [*words, *map(str, range(100))]


def _tables(graph: ModelGraph, tensor: Tensor) -> list[int]:
    """Entries of every embedding that looks an input up, also from inside of a nested model."""
    reached, entries = {tensor.index}, []
    for call in graph.calls:
        layer = graph.layers[call.layer]
        if not reached & {one.index for one in call.inputs}:
            continue
        size = rule_for(layer).table_size(layer)
        if size is not None:
            entries.append(size)
        elif not layer.weight_shapes:  # casts, reshapes, inputs of nested models
            reached |= {one.index for one in call.outputs}
    return entries
