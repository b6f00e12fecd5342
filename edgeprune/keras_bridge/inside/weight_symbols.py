"""Symbolic tensors in place of the weights that opened layers can reach, for the time of a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from edgeprune.keras_bridge.inside.composites import all_layers, is_opened
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasTensor

Swap: TypeAlias = tuple[Any, str, object, object]
"""Attributes of a layer, the name of one, what it holds, and the same with symbols in place of weights."""


_SKIPPED = (
    "_trainable_variables", "_non_trainable_variables", "_layers", "_metrics", "_losses", "_seed_generators",
    "_tracker", "_trainable_weights", "_non_trainable_weights", "_trainable_weights_value",
)
_NO_SEEDS = "no seeds"
"""In place of a generator of seeds: what is drawn anew at each call cannot be recorded."""


def within_opened(model: KerasLayer, reasons: Mapping[Identity, str]) -> set[Identity]:
    """Opened layers with code of their own, and everything inside of them: whose weights it can reach."""
    found: set[Identity] = set()
    for layer in all_layers(model):
        if is_opened(layer) and Identity(layer) not in reasons:
            found.update(map(Identity, all_layers(layer)))
    return found


class WeightSymbols:
    """Puts symbols in the place of weights, and weights back.

    Attributes:
        weights: symbolic tensor to the variable that it stands for, and its layer.
    """

    def __init__(
        self, is_variable: Callable[[object], bool], symbol: Callable[[KerasTensor, KerasLayer], KerasTensor]
    ) -> None:
        """Takes what tells a variable, and what makes the symbol of one of a layer's."""
        self.weights: dict[Identity, tuple[KerasTensor, KerasLayer]] = {}
        self._is_variable, self._symbol = is_variable, symbol
        self._symbols: dict[Identity, KerasTensor] = {}
        self._swaps: list[Swap] = []
        self._is_swapped = False

    def add(self, layer: KerasLayer) -> None:
        """Takes note of each attribute of a layer that holds weights."""
        for name, value in list(vars(layer).items()):
            if name in _SKIPPED or name.startswith("_self_"):
                continue
            swapped = self._swapped(value, layer)
            if swapped is not value:
                self._swaps.append((vars(layer), name, value, swapped))

    def swap(self, *, back: bool) -> bool:
        """Puts symbols in the place of weights, or weights back; returns what was there before."""
        was, self._is_swapped = self._is_swapped, not back
        if was == back:
            for home, name, weight, symbol in self._swaps:
                home[name] = weight if back else symbol
        return was

    def _swapped(self, value: object, layer: KerasLayer) -> object:
        if type(value).__name__ == "SeedGenerator":
            return _NO_SEEDS
        if self._is_variable(value):
            return self._weight_symbol(value, layer)
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            inner = [self._swapped(one, layer) for one in value]
            changed = any(a is not b for a, b in zip(inner, value, strict=True))
            return (tuple(inner) if isinstance(value, tuple) else inner) if changed else value
        if isinstance(value, dict):
            items = {key: self._swapped(one, layer) for key, one in value.items()}
            return items if any(items[key] is not value[key] for key in items) else value
        return value

    def _weight_symbol(self, variable: KerasTensor, layer: KerasLayer) -> KerasTensor:
        if Identity(variable) not in self._symbols:
            self._symbols[Identity(variable)] = symbol = self._symbol(variable, layer)
            self.weights[Identity(symbol)] = (variable, layer)
        return self._symbols[Identity(variable)]
