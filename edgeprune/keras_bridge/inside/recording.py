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

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inference import in_inference
from edgeprune.keras_bridge.inside.closed_layers import why_closed
from edgeprune.keras_bridge.inside.composites import all_layers, has_own_activation, holds_opened, is_opened
from edgeprune.keras_bridge.inside.hub_calls import call_of
from edgeprune.keras_bridge.inside.open_ranges import range_along
from edgeprune.keras_bridge.inside.plain_layers import class_of_keras
from edgeprune.keras_bridge.inside.recorded_calls import (
    CallGraph,
    NotOpenedError,
    OpenRange,
    Reasons,
    Recording,
)
from edgeprune.keras_bridge.inside.symbol_indexing import array_indexing
from edgeprune.keras_bridge.inside.tensorflow_calls import tensorflow_calls
from edgeprune.keras_bridge.inside.weight_symbols import WeightSymbols, within_opened
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor


class Recorder:
    """Opens the layers of one model; what cannot be opened is noted in `reasons` and stays closed."""

    def __init__(
        self, model: KerasModel, reasons: Reasons, *, lengths: AbstractSet[int], derives: bool = False
    ) -> None:
        """Takes what stands for open sizes, and whether sizes that follow from them are looked for, too."""
        self._model, self._reasons, self._lengths, self._derives = model, reasons, lengths, derives
        self._given: list[list[KerasTensor]] = []
        self._ranges: dict[Identity, OpenRange] = {}
        self._missing: set[Identity] = set()
        self._weights = WeightSymbols(_is_variable, _weight_symbol)
        self._graph = CallGraph(self.source)
        self._constants: dict[Identity, np.ndarray] = {}
        self._source: dict[Identity, KerasTensor] = {}
        self._is_closed = False

    def record(self, inputs: object) -> Recording:
        """Runs the model on symbolic inputs, nested as it takes them, of fixed sizes."""
        import keras

        flat = tuple(nodes.tensors_in(inputs))
        with self._opened(), self._open_ranges(), array_indexing(), keras.StatelessScope():
            outputs = in_inference(lambda: self._model(inputs))
            outputs = nodes.map_values(outputs, self._as_symbol)
            calls = self._graph.calls(nodes.tensors_in(outputs), flat)
        outputs = nodes.map_tensors(outputs, self.source)
        return Recording(calls, flat, inputs, outputs, self._weights.weights, self._constants, self._ranges)

    def source(self, symbol: KerasTensor) -> KerasTensor:
        """The tensor inside of opened layers that a symbolic tensor is."""
        while Identity(symbol) in self._source:
            symbol = self._source[Identity(symbol)]
        return symbol

    @contextlib.contextmanager
    def _open_ranges(self) -> Iterator[None]:
        """Records ``arange`` of Keras or TensorFlow up to a length that stands for an open one."""
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
        if not self._lengths or self._is_closed or (first, step) != (0, 1):
            return None
        if end not in self._lengths and not self._derives:
            return None
        along = range_along(self._given[-1] if self._given else [], end, dtype)
        if along is not None or end not in self._lengths:
            return along
        symbol = keras.KerasTensor((end,), dtype or "int32")
        self._ranges[Identity(symbol)] = OpenRange(end, symbol.dtype)
        return symbol

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        """Changes the layers for the time of a recording, and puts everything back."""
        layers = list(all_layers(self._model))
        before = [(layer, len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers]  # noqa: SLF001
        within = within_opened(self._model, self._reasons)
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
                    self._weights.add(layer)
            yield
        finally:
            self._weights.swap(back=True)
            for kind, call in own.items():
                if call is None:
                    del kind.__call__
                else:
                    kind.__call__ = call
            for layer, inbound, outbound in before:
                vars(layer).pop("symbolic_call", None)
                vars(layer).pop("add_loss", None)
                del layer._inbound_nodes[inbound:], layer._outbound_nodes[outbound:]  # noqa: SLF001

    def _open_call(self, layer: KerasLayer) -> Callable[..., object]:
        """In place of ``symbolic_call``: the layer's own call, on symbols."""
        closed = type(layer).symbolic_call
        has_code = is_opened(layer)

        def call(*args: object, **kwargs: object) -> object:
            if Identity(layer) in self._reasons:
                return self._run_closed(closed, layer, args, kwargs)
            was = self._weights.swap(back=not has_code)
            self._given.append(nodes.tensors_in((args, kwargs)))
            try:
                made = call_of(layer, is_open=bool(self._lengths))(*args, **kwargs)
                outputs = nodes.map_values(made, self._as_symbol)
            except Exception as error:
                self._reasons[Identity(layer)] = why_closed(error, layer)
                if layer is self._model:
                    raise NotOpenedError from error
                return self._run_closed(closed, layer, args, kwargs)
            finally:
                self._given.pop()
                self._weights.swap(back=not was)
            self._graph.own(nodes.tensors_in(outputs), nodes.tensors_in((args, kwargs)), layer)
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
        was, is_inside = self._weights.swap(back=True), self._is_closed
        self._is_closed = True
        if class_of_keras(layer) is not None:
            kwargs = {name: value for name, value in kwargs.items() if value is not None}
        try:
            made = closed(layer, *args, **kwargs)
            _fill_sizes(made, layer, args, kwargs)
            return made
        finally:
            self._is_closed = is_inside
            self._weights.swap(back=not was)

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


def _fill_sizes(
    made: object, layer: KerasLayer, args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    """Sets sizes that a layer leaves open though its inputs have them, as EinsumDense may; in place."""
    from keras.src import backend

    symbols, given = nodes.tensors_in(made), nodes.tensors_in((args, dict(kwargs)))
    if not any(None in one.shape for one in symbols) or any(None in one.shape for one in given):
        return
    specs = nodes.tensors_in(backend.compute_output_spec(layer.call, *args, **kwargs))
    for symbol, spec in zip(symbols, specs, strict=True):
        symbol._shape = spec.shape  # noqa: SLF001 - a KerasTensor is as good as immutable


def _nothing(*_: object, **__: object) -> None:
    """In place of ``add_loss``: a loss of training."""


def _is_variable(value: object) -> bool:
    import keras

    return isinstance(value, keras.Variable)


def _weight_symbol(variable: KerasTensor, layer: KerasLayer) -> KerasTensor:
    import keras

    is_float = variable.dtype.startswith(("float", "bfloat"))
    dtype = layer.compute_dtype if is_float and layer.autocast else variable.dtype
    symbol = keras.KerasTensor(tuple(variable.shape), dtype)
    vars(symbol)["value"] = symbol
    return symbol
