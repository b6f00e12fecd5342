"""Arrays by input, packed as the model takes them, and outputs, unpacked as it gives them.

A model built on ``{"wide": Input(…), "narrow": Input(…)}`` must be called with a dictionary in Keras 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from edgeprune.keras_bridge.nodes import structure_of
from edgeprune.keras_types import KerasModel, KerasTensor

_Tensor = TypeVar("_Tensor")


def as_taken(model: KerasModel, tensors: _Tensor | Sequence[_Tensor]) -> object:
    """One tensor for each of `model.inputs`, in their order, in the structure that the model was built with.

    Where that is a list or a single tensor, they stay as they are.
    """
    given = tensors if isinstance(tensors, (tuple, list)) else (tensors,)
    if type(model).__name__ == "Sequential" or len(model.inputs) != len(given):
        return tensors
    structure = structure_of(model, "inputs")
    parts = structure if isinstance(structure, (tuple, list)) else (structure,)
    if not any(isinstance(part, (dict, tuple, list)) for part in parts):
        return tensors

    def packed(value: object) -> object:
        if isinstance(value, dict):
            return {key: packed(item) for key, item in value.items()}
        if isinstance(value, (tuple, list)):
            return type(value)(map(packed, value))
        return next(one for symbol, one in zip(model.inputs, given, strict=True) if symbol is value)

    return packed(structure)


def in_order_of_outputs(model: KerasModel, outputs: object) -> list[KerasTensor]:
    """What a call of the model returned, flat, one for each of `model.outputs` and in their order."""
    if not isinstance(outputs, dict):
        return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    structure = structure_of(model, "outputs")
    if not isinstance(structure, dict) or structure.keys() != outputs.keys():
        return [outputs[name] for name in getattr(model, "output_names", outputs)]
    left, found = dict(structure), []
    for symbol in model.outputs:
        key = next(name for name, value in left.items() if value is symbol)
        left.pop(key)
        found.append(outputs[key])
    return found
