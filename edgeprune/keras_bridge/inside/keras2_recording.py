"""Records what a Keras 2 model calls when it is given symbolic tensors, layers made of layers opened.

As in `edgeprune.keras_bridge.inside.recording`, with Keras 2's own machinery: a layer that is called on
symbolic tensors runs its ``call`` on them, and TensorFlow's functions make operation layers of their own. The
batch stays open all the while, and no node is made for an opened layer: what it returns comes from the calls
inside.

Keras 2 computes masks beside its graph. Here each is a symbolic tensor that calls lead to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inside.closed_layers import why_closed
from edgeprune.keras_bridge.inside.composites import all_layers, has_own_activation, holds_opened, is_opened
from edgeprune.keras_bridge.inside.recorded_calls import CallGraph, NotOpenedError, Reasons, Recording
from edgeprune.keras_bridge.inside.weight_symbols import WeightSymbols, within_opened
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor

_HOOK = "_functional_construction_call"
"""What Keras 2 calls on symbolic tensors: `(inputs, args, kwargs, flat inputs)`."""
_OF_TRAINING = ("add_loss", "add_metric", "add_update")


class Keras2Recorder:
    """Opens the layers of one model; what cannot be opened is noted in `reasons` and stays closed."""

    def __init__(self, model: KerasModel, reasons: Reasons) -> None:
        self._model, self._reasons = model, reasons
        self._weights = WeightSymbols(_is_variable, _weight_symbol)
        self._graph = CallGraph(lambda symbol: symbol)

    def record(self, inputs: object) -> Recording:
        """Runs the model on symbolic inputs, nested as it takes them."""
        flat = tuple(nodes.tensors_in(inputs))
        with self._opened():
            outputs = self._open(self._model, inputs, (), {})
            calls = self._graph.calls(nodes.tensors_in(outputs), (*flat, *self._symbols()))
        return Recording(calls, flat, inputs, outputs, self._weights.weights, {}, {})

    def _symbols(self) -> list[KerasTensor]:
        found: list[KerasTensor] = [key.of for key in self._weights.weights]
        return found

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        """Changes the layers for the time of a recording, and puts everything back."""
        layers = list(all_layers(self._model))
        before = [(one, len(one._inbound_nodes), len(one._outbound_nodes)) for one in layers]  # noqa: SLF001
        within = within_opened(self._model, self._reasons)
        try:
            for layer in layers:
                opens = is_opened(layer) or (nodes.is_graph_model(layer) and holds_opened(layer))
                vars(layer)[_HOOK] = self._hook(layer, opens=opens)
                if opens or layer is self._model:
                    vars(layer).update(dict.fromkeys(_OF_TRAINING, _nothing))
                if Identity(layer) in within:
                    self._weights.add(layer)
            yield
        finally:
            self._weights.swap(back=True)
            for layer, inbound, outbound in before:
                for name in (_HOOK, *_OF_TRAINING):
                    vars(layer).pop(name, None)
                del layer._inbound_nodes[inbound:], layer._outbound_nodes[outbound:]  # noqa: SLF001

    def _hook(self, layer: KerasLayer, *, opens: bool) -> Callable[..., object]:
        def call(
            inputs: object, args: Sequence[object], kwargs: Mapping[str, object], flat: Sequence[object]
        ) -> object:
            if opens and Identity(layer) not in self._reasons:
                with contextlib.suppress(_ClosedLayerError):
                    return self._open(layer, inputs, args, kwargs)
            return self._close(layer, inputs, args, kwargs, flat)

        return call

    def _open(
        self, layer: KerasLayer, inputs: object, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> object:
        """The layer's own call, on symbols."""
        masks, is_implicit = layer._get_input_masks(inputs, nodes.tensors_in(inputs), args, kwargs)  # noqa: SLF001
        given = dict(kwargs)
        if layer._expects_mask_arg and is_implicit:  # noqa: SLF001
            given["mask"] = masks
        if layer._expects_training_arg and not _is_positional(layer, args):  # noqa: SLF001
            given["training"] = None  # as if nothing was said: layers inside ask their model, as they should
        was = self._weights.swap(back=not is_opened(layer))
        try:
            made = layer.call(inputs, *args, **given)
            layer._set_mask_metadata(inputs, made, masks, build_graph=False)  # noqa: SLF001
        except Exception as error:
            self._reasons[Identity(layer)] = why_closed(error, layer)
            raise (NotOpenedError if layer is self._model else _ClosedLayerError) from error
        finally:
            self._weights.swap(back=not was)
        self._graph.own(nodes.tensors_in(made), nodes.tensors_in((inputs, args, given)), layer)
        return made

    def _close(
        self, layer: KerasLayer, inputs: object, args: Sequence[object], kwargs: Mapping[str, object],
        flat: Sequence[object],
    ) -> object:
        """Keras' own way, with weights in place; an activation of the user's own is called by itself."""
        was = self._weights.swap(back=True)
        try:
            masks, _ = layer._get_input_masks(inputs, flat, args, kwargs)  # noqa: SLF001
            made = getattr(type(layer), _HOOK)(layer, inputs, tuple(args), dict(kwargs), flat)
        finally:
            self._weights.swap(back=not was)
        if has_own_activation(layer) and Identity(layer) not in self._reasons:
            try:
                made = layer.activation(made)
            except Exception as error:  # noqa: BLE001 - whatever the user's own code raises
                why = why_closed(error, layer.activation)
                self._reasons[Identity(layer)] = f"has an activation that {why}"
        outputs = nodes.tensors_in(made)
        if any(getattr(one, "_keras_mask", None) is not None for one in outputs):
            found = layer.compute_mask(inputs, masks)
            each = found if isinstance(found, (list, tuple)) else [found] * len(outputs)
            for one, mask in zip(outputs, each, strict=True):
                one._keras_mask = mask  # noqa: SLF001 - where Keras keeps it
        return made


class _ClosedLayerError(Exception):
    """A layer cannot be opened; its reason was noted."""


def _is_positional(layer: KerasLayer, args: Sequence[object]) -> bool:
    """Whether `training` is among the arguments without a name, after the inputs."""
    names = list(layer._call_spec.arg_names)  # noqa: SLF001 - there is no public name
    return "training" in names[: len(args) + 1]


def _is_variable(value: object) -> bool:
    import tensorflow as tf

    return isinstance(value, tf.Variable)


def _weight_symbol(variable: KerasTensor, layer: KerasLayer) -> KerasTensor:
    import tensorflow as tf
    import tf_keras

    is_cast = variable.dtype.is_floating and layer._autocast  # noqa: SLF001 - there is no public name
    dtype = layer.compute_dtype if is_cast else variable.dtype
    return tf_keras.Input(type_spec=tf.TensorSpec(variable.shape, dtype))


def _nothing(*_: object, **__: object) -> None:
    """In place of ``add_loss`` and the like: of training alone."""
