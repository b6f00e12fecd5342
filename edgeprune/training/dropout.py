"""Dropout at rates that are scaled to a narrower network."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from edgeprune.graph.model_graph import ModelGraph, Tensor
from edgeprune.keras_bridge.read import read
from edgeprune.keras_types import KerasLayer, KerasModel


@contextlib.contextmanager
def scaled_dropout(model: KerasModel, original: ModelGraph) -> Iterator[None]:
    """Lowers the rates of a pruned model's dropout layers while it trains; `original` is not changed.

    A network with fewer connections has less capacity to regularize: at the original's rates it learns worse
    than it stood after reconstruction. Han et al. 2015 (arXiv 1506.02626, section 3.2) multiply a rate by the
    square root of the ratio of connections that are left; where layers lose alike, that is the ratio of their
    channels, which is taken here from what the dropout layer itself sees. Recurrent layers' own rates stay.
    """
    before: list[tuple[KerasLayer, float]] = []
    try:
        for layer, ratio in _kept_ratios(model, original):
            before.append((layer, layer.rate))
            layer.rate = layer.rate * ratio
        yield
    finally:
        for layer, rate in before:
            layer.rate = rate


def _kept_ratios(model: KerasModel, original: ModelGraph) -> list[tuple[KerasLayer, float]]:
    """Dropout layers of the pruned model, and the ratio of the original's values that each still sees."""
    mine = read(model)
    ratios: dict[str, float] = {}
    for call, full in zip(mine.graph.calls, original.calls, strict=True):
        if "Dropout" in mine.graph.layers[call.layer].kind:
            ratio = _size(call.inputs[0]) / max(_size(full.inputs[0]), 1)
            ratios[call.layer] = max(ratio, ratios.get(call.layer, 0.0))
    layers = [(mine.layers[path], ratio) for path, ratio in ratios.items() if ratio < 1]
    return [(layer, ratio) for layer, ratio in layers if isinstance(getattr(layer, "rate", None), float)]


def _size(tensor: Tensor) -> int:
    """Values of one sample, axes of open size left out."""
    return math.prod(size for size in tensor.shape[1:] if size)
