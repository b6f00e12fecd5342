"""Records what a Keras 3 model calls when it is given symbolic tensors, layers made of layers opened.

A layer is opened for one recording: called on symbolic tensors, it runs its own ``call`` on them, so that
the layers and operations inside make nodes of their own; Keras' preparations around it (casts, masks,
training=False) stay as they are. While it does so, every weight that it can reach is a symbolic tensor too,
except inside of layers that stay closed. So `keras.ops` on weights alone are recorded as well, and an
``Embedding`` that is called on constants shows as a lookup in its table.

The tensors that an opened layer returns are new ones (Keras notes on them that it made them);
`Recorder.source` leads from them to those inside. Nothing is left behind in the model.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inference import in_inference
from edgeprune.keras_bridge.inside.closed_layers import why_closed
from edgeprune.keras_bridge.inside.composites import all_layers, has_own_activation, holds_opened, is_opened
from edgeprune.keras_bridge.inside.hub_calls import call_of
from edgeprune.keras_bridge.inside.plain_layers import class_of_keras
from edgeprune.keras_bridge.inside.tensorflow_calls import tensorflow_calls
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasModel, KerasNode, KerasTensor

Reasons: TypeAlias = dict[Identity, str]
"""Layer to why it stays closed."""

Swap: TypeAlias = tuple[Any, str, object, object]
"""Attributes of a layer, the name of one, what it holds, and the same with symbols in place of weights."""


@dataclasses.dataclass(frozen=True)
class OpenRange:
    """``arange`` over a length that the model leaves open: first + step · (0, 1, …)."""

    first: int
    step: int
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


class Recorder:
    """Opens the layers of one model; what cannot be opened is noted in `reasons` and stays closed."""

    def __init__(self, model: KerasModel, reasons: Reasons, *, length: int) -> None:
        self._model, self._reasons, self._length = model, reasons, length
        self._ranges: dict[Identity, OpenRange] = {}
        self._missing: set[Identity] = set()
        self._weights: dict[Identity, tuple[KerasTensor, KerasLayer]] = {}
        self._symbols: dict[Identity, KerasTensor] = {}
        self._constants: dict[Identity, np.ndarray] = {}
        self._source: dict[Identity, KerasTensor] = {}
        self._owners: dict[Identity, KerasLayer] = {}
        self._swaps: list[Swap] = []
        self._is_swapped = self._is_closed = False

    def record(self, inputs: object) -> Recording:
        """Runs the model on symbolic inputs, nested as it takes them, of fixed sizes."""
        import keras

        flat = tuple(nodes.tensors_in(inputs))
        with self._opened(), self._open_ranges(), keras.StatelessScope():
            outputs = in_inference(lambda: self._model(inputs))
            outputs = nodes.map_values(outputs, self._as_symbol)
            calls = self._calls(nodes.tensors_in(outputs), flat)
        outputs = nodes.map_tensors(outputs, self.source)
        return Recording(calls, flat, inputs, outputs, self._weights, self._constants, self._ranges)

    def source(self, symbol: KerasTensor) -> KerasTensor:
        """The tensor inside of opened layers that a symbolic tensor is."""
        while Identity(symbol) in self._source:
            symbol = self._source[Identity(symbol)]
        return symbol

    @contextlib.contextmanager
    def _open_ranges(self) -> Iterator[None]:
        """Records ``arange`` of Keras or TensorFlow up to the length that stands for an open one."""
        from keras import ops

        eager = ops.arange

        def arange(start: int, stop: int | None = None, step: int = 1, dtype: str | None = None) -> object:
            symbol = self._open_range(start, stop, step, dtype)
            return eager(start, stop, step, dtype) if symbol is None else symbol

        ops.arange = arange
        try:
            with tensorflow_calls(self._open_range, lambda: self._is_closed):
                yield
        finally:
            ops.arange = eager

    def _open_range(self, start: int, stop: int | None, step: int, dtype: str | None) -> KerasTensor | None:
        import keras

        first, end = (0, start) if stop is None else (start, stop)
        if not self._length or self._is_closed or (first, end, step) != (0, self._length, 1):
            return None
        symbol = keras.KerasTensor((self._length,), dtype or "int32")
        self._ranges[Identity(symbol)] = OpenRange(first, step, symbol.dtype)
        return symbol

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        """Changes the layers for the time of a recording, and puts everything back."""
        layers = list(all_layers(self._model))
        before = [(layer, len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers]  # noqa: SLF001
        within = self._within(self._model)
        kinds = {type(layer) for layer in layers if is_opened(layer) and not nodes.is_graph_model(layer)}
        own = {kind: vars(kind).get("__call__") for kind in kinds}
        try:
            for kind in kinds:
                kind.__call__ = self._with_nothing(kind)
            for layer in layers:
                opens = is_opened(layer) or (nodes.is_graph_model(layer) and holds_opened(layer))
                if (opens or layer is self._model) and Identity(layer) not in self._reasons:
                    vars(layer)["symbolic_call"] = self._open_call(layer)
                    vars(layer)["add_loss"] = _nothing
                elif has_own_activation(layer) and Identity(layer) not in self._reasons:
                    vars(layer)["symbolic_call"] = self._call_without_activation(layer)
                elif Identity(layer) in within:
                    vars(layer)["symbolic_call"] = self._closed_call(layer)
                if Identity(layer) in within:
                    self._swaps += list(self._swappable(layer))
            yield
        finally:
            self._swap(back=True)
            for kind, call in own.items():
                if call is None:
                    del kind.__call__
                else:
                    kind.__call__ = call
            for layer, inbound, outbound in before:
                vars(layer).pop("symbolic_call", None)
                vars(layer).pop("add_loss", None)
                del layer._inbound_nodes[inbound:], layer._outbound_nodes[outbound:]  # noqa: SLF001

    def _within(self, model: KerasLayer) -> set[Identity]:
        """Opened layers with code of their own, and everything inside of them: whose weights it can reach."""
        found: set[Identity] = set()
        for layer in all_layers(model):
            if is_opened(layer) and Identity(layer) not in self._reasons:
                found.update(map(Identity, all_layers(layer)))
        return found

    def _swappable(self, layer: KerasLayer) -> Iterator[Swap]:
        """Each attribute that holds weights, with what it holds and the same with symbols."""
        skipped = ("_trainable_variables", "_non_trainable_variables", "_layers", "_metrics", "_losses",
                   "_seed_generators", "_tracker")
        for name, value in list(vars(layer).items()):
            if name in skipped:
                continue
            swapped = self._swapped(value, layer)
            if swapped is not value:
                yield vars(layer), name, value, swapped

    def _swapped(self, value: object, layer: KerasLayer) -> object:
        import keras

        if isinstance(value, keras.random.SeedGenerator):
            return _NO_SEEDS
        if isinstance(value, keras.Variable):
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
        import keras

        if Identity(variable) not in self._symbols:
            is_float = variable.dtype.startswith(("float", "bfloat"))
            dtype = layer.compute_dtype if is_float and layer.autocast else variable.dtype
            symbol = keras.KerasTensor(tuple(variable.shape), dtype)
            vars(symbol)["value"] = symbol
            self._symbols[Identity(variable)] = symbol
            self._weights[Identity(symbol)] = (variable, layer)
        return self._symbols[Identity(variable)]

    def _swap(self, *, back: bool) -> bool:
        """Puts symbols in the place of weights, or weights back; returns what was there before."""
        was, self._is_swapped = self._is_swapped, not back
        if was == back:
            for home, name, weight, symbol in self._swaps:
                home[name] = weight if back else symbol
        return was

    def _open_call(self, layer: KerasLayer) -> Callable[..., object]:
        """In place of ``symbolic_call``: the layer's own call, on symbols."""
        closed = type(layer).symbolic_call
        has_code = is_opened(layer)

        def call(*args: object, **kwargs: object) -> object:
            if Identity(layer) in self._reasons:
                return self._run_closed(closed, layer, args, kwargs)
            was = self._swap(back=not has_code)
            try:
                made = call_of(layer, is_open=self._length > 0)(*args, **kwargs)
                outputs = nodes.map_values(made, self._as_symbol)
            except Exception as error:
                self._reasons[Identity(layer)] = why_closed(error, layer)
                if layer is self._model:
                    raise NotOpenedError from error
                return self._run_closed(closed, layer, args, kwargs)
            finally:
                self._swap(back=not was)
            self._own(nodes.tensors_in(outputs), nodes.tensors_in((args, kwargs)), layer)
            return nodes.map_tensors(outputs, self._renewed)

        return call

    def _closed_call(self, layer: KerasLayer) -> Callable[..., object]:
        """In place of ``symbolic_call`` of a layer inside an opened one: it sees its weights."""

        def call(*args: object, **kwargs: object) -> object:
            return self._run_closed(type(layer).symbolic_call, layer, args, kwargs)

        return call

    def _call_without_activation(self, layer: KerasLayer) -> Callable[..., object]:
        """In place of ``symbolic_call`` of a closed layer: its activation becomes operations of its own."""
        from keras.src.ops.node import Node

        def call(*args: object, **kwargs: object) -> object:
            made = self._run_closed(type(layer).symbolic_call, layer, args, kwargs)
            if Identity(layer) in self._reasons:
                return made
            Node(operation=layer, call_args=args, call_kwargs=kwargs, outputs=made)
            try:
                activated = layer.activation(made)
            except Exception as error:  # noqa: BLE001 - whatever the user's own code raises
                why = why_closed(error, layer.activation)
                self._reasons[Identity(layer)] = f"has an activation that {why}"
                return self._run_closed(type(layer).symbolic_call, layer, args, kwargs)
            return self._renewed(activated)

        return call

    def _run_closed(
        self, closed: Callable[..., object], layer: KerasLayer, args: Sequence[object],
        kwargs: Mapping[str, object],
    ) -> object:
        was, is_inside = self._swap(back=True), self._is_closed
        self._is_closed = True
        if class_of_keras(layer) is not None:
            kwargs = {name: value for name, value in kwargs.items() if value is not None}
        try:
            return closed(layer, *args, **kwargs)
        finally:
            self._is_closed = is_inside
            self._swap(back=not was)

    def _as_symbol(self, value: object) -> object:
        """An output that was computed from no input as a symbol of its own."""
        import keras

        if type(value).__name__ in nodes.SYMBOLS:
            return value
        if value is None:  # Keras takes tensors alone; `_given_back` makes it None again
            symbol = keras.KerasTensor(())
            self._missing.add(Identity(symbol))
            return symbol
        array = np.asarray(value)
        symbol = keras.KerasTensor(array.shape, str(array.dtype))
        self._constants[Identity(symbol)] = array
        return symbol

    def _with_nothing(self, kind: type) -> Callable[..., object]:
        """The ``__call__`` of a class, which gives None where `_as_symbol` put a symbol in its place."""
        made = kind.__call__

        def call(layer: KerasLayer, *args: object, **kwargs: object) -> object:
            outputs = made(layer, *args, **kwargs)
            return nodes.map_values(outputs, lambda one: None if Identity(one) in self._missing else one)

        return call

    def _renewed(self, symbol: KerasTensor) -> KerasTensor:
        """A new symbol for one inside of an opened layer."""
        import keras

        if Identity(symbol) in self._missing:
            return symbol
        fresh = keras.KerasTensor(symbol.shape, symbol.dtype)
        mask = getattr(symbol, "_keras_mask", None)
        if mask is not None:
            fresh._keras_mask = mask  # noqa: SLF001 - where Keras keeps it
        self._source[Identity(fresh)] = symbol
        return fresh

    def _own(
        self, outputs: Sequence[KerasTensor], inputs: Sequence[KerasTensor], owner: KerasLayer
    ) -> None:
        """Notes which calls were made inside of an opened layer; inner ones note theirs first."""
        ends = {Identity(self.source(symbol)) for symbol in inputs}
        waiting = list(outputs)
        while waiting:
            symbol = self.source(waiting.pop())
            node = None if Identity(symbol) in ends else nodes.node_of(symbol)
            if node is not None and Identity(node) not in self._owners:
                self._owners[Identity(node)] = owner
                waiting.extend(nodes.tensors_in(nodes.arguments_of(node)))

    def _calls(
        self, outputs: Sequence[KerasTensor], inputs: Sequence[KerasTensor]
    ) -> tuple[RecordedCall, ...]:
        """All calls that the outputs come from, in order; their masks count as inputs."""
        ends = {Identity(symbol) for symbol in inputs}
        done: collections.OrderedDict[Identity, KerasNode] = collections.OrderedDict()
        waiting: list[tuple[KerasTensor, bool]] = [(symbol, False) for symbol in reversed(outputs)]
        while waiting:
            symbol, is_ready = waiting.pop()
            symbol = self.source(symbol)
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
        args, kwargs = nodes.map_tensors((args, dict(kwargs)), self.source)
        return RecordedCall(
            nodes.operation_of(node), args, kwargs, tuple(nodes.outputs_of(node)),
            self._owners.get(Identity(node)),
            tuple(None if mask is None else self.source(mask) for mask in masks),
        )


_NO_SEEDS = "no seeds"
"""In place of a generator of seeds: what is drawn anew at each call cannot be recorded."""


def _nothing(*_: object, **__: object) -> None:
    """In place of ``add_loss``: a loss of training."""
