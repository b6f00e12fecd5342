"""Dropout at the rates that suit a narrower network."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

from edgeprune.keras_bridge.read import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.graph.model_graph import Tensor


@contextlib.contextmanager
def suited_dropout(model: Any, original: Any) -> Iterator[None]:
    """Lowers the rates of a pruned model's dropout layers for as long as it trains.

    A network with fewer connections has less capacity to regularize: at the original's rates what is left
    learns worse than it stood after repair. Han et al. 2015 (arXiv 1506.02626, section 3.2) multiply a rate
    by the square root of the share of connections that are left; where layers lose alike, that is the share
    of their units, which is taken here from what the dropout layer itself sees. Recurrent layers'
    own rates stay.

    Args:
        model: pruned; the same calls as `original`.
        original: whose dropout layers' rates were meant for its own width; it is not changed.
    """
    before: list[tuple[Any, float]] = []
    try:
        for layer, share in _shares(model, original):
            before.append((layer, layer.rate))
            layer.rate = layer.rate * share
        yield
    finally:
        for layer, rate in before:
            layer.rate = rate


def _shares(model: Any, original: Any) -> list[tuple[Any, float]]:
    """Dropout layers of the pruned model, and the share of values that each still sees."""
    if model is original:
        return []
    mine, theirs = read(model), read(original)
    shares: dict[str, float] = {}
    for call, whole in zip(mine.graph.calls, theirs.graph.calls, strict=True):
        if "Dropout" in mine.graph.layers[call.layer].kind:
            share = _size(call.inputs[0]) / max(_size(whole.inputs[0]), 1)
            shares[call.layer] = max(share, shares.get(call.layer, 0.0))
    layers = [(mine.layers[path], share) for path, share in shares.items() if share < 1]
    return [(layer, share) for layer, share in layers if isinstance(getattr(layer, "rate", None), float)]


def _size(tensor: Tensor) -> int:
    """Values of one sample, axes of open size left out."""
    return math.prod(size for size in tensor.shape[1:] if size)
