"""Recurrent layers, laid out so that the runtime is fast.

Keras' own loop over the steps becomes a ``WHILE`` whose every turn does one step, copies the whole sequence
of outputs and multiplies by the input's kernel; most of its time goes into that. Here

    all inputs @ kernel + bias      one matrix product before the loop, for all steps at once
    steps that fill no turn         written out; few steps need no loop
    loop: 4 steps written out       one matrix product and the gates each, all run by XNNPACK

Measured on one x86 thread with 128 steps of 48 values, in microseconds (float, int8 weights):

    units                     32           64
    GRU, Keras' loop          662, 651     761, 709
    GRU, as here               66,  64     102,  75
    LSTM, Keras' loop         528, 545     697, 781
    LSTM, LiteRT's fused one  122, 111     256, 218
    LSTM, as here              72,  65     119,  83

Both directions of a small layer run in one loop, as one cell of both widths with weights of 0 between them.

The same to 1e-5 as Keras' own layers, with masks, states, reading backwards and any activation. A layer of
a user's own keeps its own loop, and so does a number of steps that is not fixed.

All in int8, LiteRT's fused LSTM takes seven times as long as in float and is far off when bidirectional, and
its calibrator crashes on loops. So a quantized model gets int8 weights here, and the fused int8 operator
only where integer inputs are asked for, as microcontrollers need them.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from edgeprune.conversion.recurrent_cells import States, joined, steps_of, weights_of
from edgeprune.conversion.recurrent_loop import run_steps
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.types.experimental import ConcreteFunction

NOTE = (
    "The model's recurrent layers have int8 weights and float activations in the .tflite file;"
    " so does the rest of the model."
)

ENDS = "Its inputs and outputs stay float."

# What tf_keras asks to choose between its fused kernel and a plain loop.
_FUSED = "_could_use_gpu_kernel"

# Layers whose steps are in `recurrent_cells`; their subclasses may compute something else.
_KINDS = frozenset({"SimpleRNN", "LSTM", "GRU"})

# Weights of 0 up to which both directions of a layer run as one.
_MOST_ZEROS = 20_000

_Call: TypeAlias = Callable[..., KerasTensor]
_Found: TypeAlias = tuple[KerasTensor, KerasTensor | None, States]
"""The last output (N, u), all of them (N, T, u) if they are asked for, and the states at the end."""


def fused_layers(model: KerasModel) -> list[KerasLayer]:
    """Layers that would become LiteRT's fused LSTM; nested and wrapped ones too, in both Keras versions."""
    return [layer for layer in model._flatten_layers() if getattr(layer, _FUSED, False)]  # noqa: SLF001


def can_unroll(model: KerasModel) -> bool:
    """Whether any layer's steps can be written out."""
    return any(map(_has_steps, model._flatten_layers()))  # noqa: SLF001 - no public walk of all layers


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
def unrolled(model: KerasModel) -> Iterator[None]:
    """While it lasts, calling a model runs its recurrent layers as described above; it is as before after."""
    every = list(model._flatten_layers())  # noqa: SLF001
    layers = [layer for layer in every if _has_steps(layer)]
    both = [layer for layer in every if _is_own(layer) and type(layer).__name__ == "Bidirectional"]
    choices = [(layer, name) for layer in layers for name in (_FUSED, "use_cudnn") if hasattr(layer, name)]
    before = [(layer, name, getattr(layer, name)) for layer, name in choices]
    try:
        for layer in layers:
            # Past both Kerases' tracking of attributes.
            vars(layer)["call"] = functools.partial(_call, layer, layer.call)
        for layer in both:
            vars(layer)["call"] = functools.partial(_call_both, layer, layer.call)
        for layer, name in choices:
            setattr(layer, name, False)
        yield
    finally:
        for layer in (*layers, *both):
            vars(layer).pop("call", None)
        for layer, name, value in before:
            setattr(layer, name, value)


def _has_steps(layer: KerasLayer) -> bool:
    """Whether `recurrent_cells` has this layer's steps."""
    return _is_own(layer) and type(layer).__name__ in _KINDS and not getattr(layer, "time_major", False)


def _is_own(layer: KerasLayer) -> bool:
    """Whether a layer is of a class of Keras' own."""
    return type(layer).__module__.split(".")[0] in ("keras", "tf_keras")


def _call(layer: KerasLayer, original: _Call, *args: object, **options: object) -> KerasTensor:
    """A layer's call, in place of its own; the steps must be of a fixed number."""
    given = inspect.signature(original).bind(*args, **options).arguments
    sequence = given["sequences" if "sequences" in given else "inputs"]
    initial, mask = given.get("initial_state"), given.get("mask")
    if isinstance(sequence, (list, tuple)):  # as tf_keras passes states
        sequence, *initial = sequence
    if mask is not None and isinstance(mask, (list, tuple)):
        mask = mask[0]
    if None in tuple(sequence.shape):
        return original(*args, **options)
    return _result(layer, *_run(layer, sequence, initial or None, mask))


def _call_both(wrapper: KerasLayer, original: _Call, *args: object, **options: object) -> KerasTensor:
    """The call of a `Bidirectional`: both ways in one loop where that is faster, by turns else."""
    given = inspect.signature(original).bind(*args, **options).arguments
    sequence, mask = given["sequences" if "sequences" in given else "inputs"], given.get("mask")
    layers = (wrapper.forward_layer, wrapper.backward_layer)
    alone = given.get("initial_state") is None and not isinstance(sequence, (list, tuple))
    if not alone or None in tuple(sequence.shape) or not _can_join(*layers, sequence):
        return original(*args, **options)
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    before = [vars(layer)["call"] for layer in layers]
    try:
        for layer, found in zip(layers, _run_both(*layers, sequence, mask), strict=True):
            vars(layer)["call"] = functools.partial(_already, _result(layer, *found))
        return original(*args, **options)  # which merges them
    finally:
        for layer, call in zip(layers, before, strict=True):
            vars(layer)["call"] = call


def _already(found: KerasTensor, *_args: object, **_options: object) -> KerasTensor:
    return found


def _can_join(one: KerasLayer, other: KerasLayer, sequence: KerasTensor) -> bool:
    """Whether two layers are alike, and small: weights of 0 between them must cost less than a loop more."""
    if type(one) is not type(other) or not (_has_steps(one) and _has_steps(other)):
        return False
    names = ("use_bias", "return_sequences", "reset_after", "zero_output_for_mask", "dtype")
    activations = ("activation", "recurrent_activation")
    alike = all(getattr(one, name, None) == getattr(other, name, None) for name in names)
    alike = alike and all(getattr(one, name, None) is getattr(other, name, None) for name in activations)
    zeros = 2 * (sequence.shape[2] + one.units) * one.cell.kernel.shape[1]
    return alike and zeros <= _MOST_ZEROS and one.go_backwards is not other.go_backwards


def _result(
    layer: KerasLayer, last: KerasTensor, outputs: KerasTensor | None, states: States
) -> KerasTensor:
    """What the layer's own call would return."""
    result = outputs if layer.return_sequences else last
    return [result, *states] if layer.return_state else result


def _run(
    layer: KerasLayer, sequence: KerasTensor, initial: States | None, mask: KerasTensor | None
) -> _Found:
    """The last output (N, u), all of them (N, T, u) if they are asked for, and the states at the end."""
    import tensorflow as tf

    samples, steps, _ = sequence.shape
    x, used = _inputs(layer, sequence, mask)
    states = _zeros(layer, samples, x) if initial is None else tuple(
        tf.cast(one, x.dtype) for one in _listed(initial)
    )
    cell = steps_of(weights_of(layer.cell, x), x, used)
    flat, states = run_steps(cell, states, samples, steps, every=layer.return_sequences)
    return _found(layer, flat, states, used, from_zero=initial is None, samples=samples)


def _run_both(
    forward: KerasLayer, backward: KerasLayer, sequence: KerasTensor, mask: KerasTensor | None
) -> tuple[_Found, _Found]:
    """The same of two layers, in one loop."""
    import tensorflow as tf

    samples, steps, _ = sequence.shape
    (x, used), (other_x, other_used) = (_inputs(one, sequence, mask) for one in (forward, backward))
    cell = joined(weights_of(forward.cell, x), weights_of(backward.cell, x))
    counted = None
    if used is not None:
        counted = tf.concat([tf.repeat(used, forward.units, 1), tf.repeat(other_used, backward.units, 1)], 1)
    states = tuple(
        tf.concat(pair, 1)
        for pair in zip(_zeros(forward, samples, x), _zeros(backward, samples, x), strict=True)
    )
    made = steps_of(cell, tf.concat([x, other_x], 1), counted)
    flat, states = run_steps(made, states, samples, steps, every=forward.return_sequences)

    def part(layer: KerasLayer, columns: slice, counts: KerasTensor | None) -> _Found:
        own = None if flat is None else flat[:, columns]
        ends = tuple(one[:, columns] for one in states)
        return _found(layer, own, ends, counts, from_zero=True, samples=samples)

    first = slice(forward.units)
    return part(forward, first, used), part(backward, slice(forward.units, None), other_used)


def _inputs(
    layer: KerasLayer, sequence: KerasTensor, mask: KerasTensor | None
) -> tuple[KerasTensor, KerasTensor | None]:
    """Inputs (T·N, in) and which of them count (T·N, 1), in the order of the layer's steps."""
    import tensorflow as tf

    x = _by_time(sequence, backwards=layer.go_backwards)
    if mask is None:
        return x, None
    return x, _by_time(tf.cast(mask, x.dtype)[:, :, None], backwards=layer.go_backwards)


def _zeros(layer: KerasLayer, samples: int, like: KerasTensor) -> States:
    import tensorflow as tf

    zeros = tf.zeros((samples, layer.units), like.dtype)
    return (zeros,) * (2 if type(layer).__name__ == "LSTM" else 1)


def _found(
    layer: KerasLayer, flat: KerasTensor | None, states: States, used: KerasTensor | None, *,
    from_zero: bool, samples: int,
) -> _Found:
    """Outputs of all steps (T·N, u) and the last states, as the layer gives them."""
    import tensorflow as tf

    last = states[0]
    if used is not None and (not from_zero or layer.zero_output_for_mask):
        # Before the first step that counts Keras' output is 0, whatever the first state.
        parts = tf.reshape(used, (-1, samples, 1))
        seen = tf.minimum(tf.cumsum(parts, 0), 1)
        shown = parts if layer.zero_output_for_mask else seen
        flat = None if flat is None else flat * tf.reshape(shown, (-1, 1))
        last *= shown[-1]
    if flat is None:
        return last, None, states
    outputs = flat[None]
    if samples > 1:
        outputs = tf.transpose(tf.reshape(flat, (-1, samples, layer.units)), (1, 0, 2))
    return last, outputs, states


def _by_time(sequence: KerasTensor, *, backwards: bool) -> KerasTensor:
    """(N, T, width) -> (T·N, width), steps in the order in which they run."""
    import tensorflow as tf

    samples, steps, width = sequence.shape
    if backwards:
        sequence = tf.reverse(sequence, [1])
    if samples > 1:
        sequence = tf.transpose(sequence, (1, 0, 2))
    return tf.reshape(sequence, (steps * samples, width))


def _listed(states: States | KerasTensor) -> States:
    return tuple(states) if isinstance(states, (list, tuple)) else (states,)


def _called(node: NodeDef) -> list[str]:
    return [attribute.func.name for attribute in node.attr.values() if attribute.HasField("func")]


def _is_fused_lstm(body: FunctionDef) -> bool:
    return "api_implements" in body.attr and body.attr["api_implements"].s.startswith(b"lstm_")
