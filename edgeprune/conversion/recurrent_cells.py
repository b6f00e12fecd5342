"""One step of Keras' recurrent cells, in the fewest operators, with all that needs no state done before.

    x (T·N, in) @ kernel + bias -> (T·N, g·u)      for all T steps at once, N samples
    step: (N, g·u), states (N, u) -> states        h @ recurrent kernel, and the gates

The equations are Keras' own (both versions have the same), with the layer's own activations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from edgeprune.keras_types import KerasLayer, KerasTensor

States: TypeAlias = tuple[KerasTensor, ...]
Step: TypeAlias = Callable[[KerasTensor, States], States]
"""What comes from the input, and the states; the first of the new states is the cell's output."""


def project(cell: KerasLayer, x: KerasTensor) -> KerasTensor:
    """What a cell makes of its inputs (T·N, in), without its states."""
    import tensorflow as tf

    made = tf.matmul(x, _tensor(cell.kernel, x))
    if not cell.use_bias:
        return made
    bias = _tensor(cell.bias, x)
    return made + (bias[0] if _reset_after(cell) else bias)


def step_of(cell: KerasLayer, like: KerasTensor) -> Step:
    """A cell's step, with weights of the type of `like`."""
    kind = type(cell).__name__
    return _STEPS[kind](cell, _tensor(cell.recurrent_kernel, like), like)


def _simple(cell: KerasLayer, kernel: KerasTensor, like: KerasTensor) -> Step:  # noqa: ARG001
    import tensorflow as tf

    return lambda given, states: (cell.activation(given + tf.matmul(states[0], kernel)),)


def _lstm(cell: KerasLayer, kernel: KerasTensor, like: KerasTensor) -> Step:  # noqa: ARG001
    import tensorflow as tf

    def step(given: KerasTensor, states: States) -> States:
        h, carry = states
        i, f, c, o = tf.split(given + tf.matmul(h, kernel), 4, 1)
        gate = cell.recurrent_activation
        carry = gate(f) * carry + gate(i) * cell.activation(c)
        return gate(o) * cell.activation(carry), carry

    return step


def _gru(cell: KerasLayer, kernel: KerasTensor, like: KerasTensor) -> Step:
    import tensorflow as tf

    units = cell.units
    if not _reset_after(cell):
        def step_before(given: KerasTensor, states: States) -> States:
            (h,) = states
            zr = given[:, : 2 * units] + tf.matmul(h, kernel[:, : 2 * units])
            z, r = tf.split(cell.recurrent_activation(zr), 2, 1)
            new = cell.activation(given[:, 2 * units :] + tf.matmul(r * h, kernel[:, 2 * units :]))
            return (new + z * (h - new),)

        return step_before
    bias = _tensor(cell.bias, like)[1] if cell.use_bias else None

    def step(given: KerasTensor, states: States) -> States:
        (h,) = states
        read = tf.matmul(h, kernel) if bias is None else tf.matmul(h, kernel) + bias
        zr = cell.recurrent_activation(given[:, : 2 * units] + read[:, : 2 * units])
        z, r = zr[:, :units], zr[:, units:]
        new = cell.activation(given[:, 2 * units :] + r * read[:, 2 * units :])
        return (new + z * (h - new),)

    return step


_STEPS: dict[str, Callable[[KerasLayer, KerasTensor, KerasTensor], Step]] = {
    "SimpleRNNCell": _simple, "LSTMCell": _lstm, "GRUCell": _gru,
}


def _reset_after(cell: KerasLayer) -> bool:
    return bool(getattr(cell, "reset_after", False))


def _tensor(weight: KerasTensor, like: KerasTensor) -> KerasTensor:
    """A layer's weight as a tensor of the type of `like`."""
    import tensorflow as tf

    return tf.cast(tf.convert_to_tensor(weight), like.dtype)
