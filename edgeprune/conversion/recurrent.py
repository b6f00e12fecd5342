"""Recurrent layers: LiteRT's fused operator, or a loop.

`tf_keras.layers.LSTM` can become one ``UNIDIRECTIONAL_SEQUENCE_LSTM``; a GRU, and any recurrent layer of
Keras 3, becomes a ``WHILE`` loop. What follows for quantization, measured with 64 units and 49 steps
on one x86 thread:

- fused, int8: a third of the bytes, seven times slower than float, and far off when bidirectional;
- a loop, int8 weights ("dynamic"): 0.4 of the bytes, float's speed, accurate;
- a loop, int8 throughout: TensorFlow's calibrator crashes, taking the process along; with the
  steps written out one after the other, a file 17 times as large for a fifth of the time.

So a quantized model gets the loop with int8 weights, and the fused int8 operator only where
integer inputs are asked for, as microcontrollers need them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeprune.keras_types import KerasLayer, KerasModel

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.types.experimental import ConcreteFunction

NOTE = (
    "The model's recurrent layers run as a loop, which the runtime quantizes with int8 weights and float"
    " activations; so does the rest of the model."
)

ENDS = "Its inputs and outputs stay float."

# What tf_keras asks to choose between its fused kernel and a plain loop.
_FUSED = "_could_use_gpu_kernel"


def fused_layers(model: KerasModel) -> list[KerasLayer]:
    """Layers that would become LiteRT's fused LSTM; nested and wrapped ones too, in both Keras versions."""
    return [layer for layer in model._flatten_layers() if getattr(layer, _FUSED, False)]  # noqa: SLF001


def has_loop(function: ConcreteFunction) -> bool:
    """Whether a concrete function loops outside of Keras' fused LSTM."""
    definition = function.graph.as_graph_def()
    bodies = {body.signature.name: body for body in definition.library.function}
    pending, seen = [definition.node], set()
    while pending:
        for node in pending.pop():
            if node.op in ("While", "StatelessWhile"):
                return True
            for name in _called(node):
                body = bodies.get(name)
                if body is not None and name not in seen and not _is_fused_lstm(body):
                    seen.add(name)
                    pending.append(body.node_def)
    return False


@contextlib.contextmanager
def looping(layers: list[KerasLayer]) -> Iterator[None]:
    """While it lasts, calling a model with these fused layers runs plain loops; it is as before after."""
    try:
        for layer in layers:
            setattr(layer, _FUSED, False)
        yield
    finally:
        for layer in layers:
            setattr(layer, _FUSED, True)


def _called(node: NodeDef) -> list[str]:
    return [attribute.func.name for attribute in node.attr.values() if attribute.HasField("func")]


def _is_fused_lstm(body: FunctionDef) -> bool:
    return "api_implements" in body.attr and body.attr["api_implements"].s.startswith(b"lstm_")
