"""What a model calls when it is given symbolic tensors: layers that stayed closed, and operations."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TypeAlias

import numpy as np

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasNode, KerasTensor

Reasons: TypeAlias = dict[Identity, str]
"""Layer to why it stays closed."""


@dataclasses.dataclass(frozen=True)
class OpenRange:
    """``arange`` over a size that an input leaves open, which it was when it was recorded: 0, 1, …."""

    size: int
    dtype: str


@dataclasses.dataclass(frozen=True)
class RecordedCall:
    """One call of a layer that stayed closed, or of an operation.

    Attributes:
        owner: the innermost opened layer that made the call; None outside of all.
        masks: the Keras masks that came with the call's tensors, in their order.
    """

    operation: KerasLayer
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    outputs: tuple[KerasTensor, ...]
    owner: KerasLayer | None
    masks: tuple[KerasTensor | None, ...]


@dataclasses.dataclass(frozen=True)
class Recording:
    """A model at one size of its inputs.

    Attributes:
        calls: in an order in which they can run.
        inputs: flat; `structure` has them as the model takes them.
        outputs: as the model nests them.
        weights: symbolic tensor to the variable that it stands for, and its layer.
        constants: symbolic tensor to the array that an opened layer returned.
        ranges: symbolic tensor to the ``arange`` that it stands for.
    """

    calls: tuple[RecordedCall, ...]
    inputs: tuple[KerasTensor, ...]
    structure: object
    outputs: object
    weights: Mapping[Identity, tuple[KerasTensor, KerasLayer]]
    constants: Mapping[Identity, np.ndarray]
    ranges: Mapping[Identity, OpenRange]


class NotOpenedError(Exception):
    """The model itself cannot be opened; its reason was noted."""


class CallError(Exception):
    """A recorded call cannot be made again; `owner` is the opened layer that it was made in."""

    def __init__(self, owner: KerasLayer | None, message: str) -> None:
        super().__init__(message)
        self.owner = owner


class CallGraph:
    """The calls that symbolic tensors come from.

    Attributes:
        owners: call to the innermost opened layer that made it.
    """

    def __init__(self, source: Callable[[KerasTensor], KerasTensor]) -> None:
        """Takes a function that gives the tensor inside of opened layers that a symbolic tensor is."""
        self._source = source
        self.owners: MutableMapping[Identity, KerasLayer] = {}

    def own(
        self, outputs: Sequence[KerasTensor], inputs: Sequence[KerasTensor], owner: KerasLayer
    ) -> None:
        """Notes which calls were made inside of an opened layer; inner ones note theirs first."""
        ends = {Identity(self._source(symbol)) for symbol in inputs}
        waiting = list(outputs)
        while waiting:
            symbol = self._source(waiting.pop())
            node = None if Identity(symbol) in ends else nodes.node_of(symbol)
            if node is not None and Identity(node) not in self.owners:
                self.owners[Identity(node)] = owner
                waiting.extend(nodes.tensors_in(nodes.arguments_of(node)))

    def calls(
        self, outputs: Sequence[KerasTensor], inputs: Sequence[KerasTensor]
    ) -> tuple[RecordedCall, ...]:
        """All calls that the outputs come from, in order; their masks count as inputs."""
        ends = {Identity(symbol) for symbol in inputs}
        done: collections.OrderedDict[Identity, KerasNode] = collections.OrderedDict()
        waiting: list[tuple[KerasTensor, bool]] = [(symbol, False) for symbol in reversed(outputs)]
        while waiting:
            symbol, is_ready = waiting.pop()
            symbol = self._source(symbol)
            node = None if Identity(symbol) in ends else nodes.node_of(symbol)
            if node is None or Identity(node) in done:
                continue
            if is_ready:
                done[Identity(node)] = node
                continue
            waiting.append((symbol, True))
            for one in reversed(nodes.tensors_in(nodes.arguments_of(node))):
                mask = getattr(one, "_keras_mask", None)
                waiting += [(value, False) for value in (mask, one) if value is not None]
        return tuple(self._call(node) for node in done.values())

    def _call(self, node: KerasNode) -> RecordedCall:
        args, kwargs = nodes.arguments_of(node)
        masks = [getattr(one, "_keras_mask", None) for one in nodes.tensors_in((args, kwargs))]
        args, kwargs = nodes.map_tensors((args, dict(kwargs)), self._source)
        return RecordedCall(
            nodes.operation_of(node), args, kwargs, tuple(nodes.outputs_of(node)),
            self.owners.get(Identity(node)),
            tuple(None if mask is None else self._source(mask) for mask in masks),
        )
