"""One step of Keras' recurrent cells, in the fewest operators, with all that needs no state done before.

    x (T·N, in) @ kernel + bias -> (T·N, ...)      for all T steps at once, N samples
    step: a row of these, states (N, u) -> states  h @ recurrent kernel, and the gates

The equations are Keras' own (both versions have the same), with the layer's own activations. Each operator
costs a step more than its few numbers do: what several gates share is computed for all of them at once, and
the parts that a step needs apart are apart from the beginning.

A step that is masked must leave the states as they are. A gate that is driven to its end does that for
nothing: ``h' = n + z (h - n)`` is h where z is 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

from edgeprune.keras_types import KerasLayer, KerasTensor

States: TypeAlias = tuple[KerasTensor, ...]
Step: TypeAlias = Callable[[Sequence[KerasTensor], States], States]
"""A row of each part of what is given, and the states; the first of the new states is the cell's output."""

_FAR = 1e4
"""Beyond the ends of a sigmoid, whatever else is added."""
_ENDING = frozenset({"sigmoid", "hard_sigmoid"})
"""Gates' activations that reach exactly 0 and 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class CellSteps:
    """What a cell makes of the inputs alone, each (T·N, width), and its step."""

    given: tuple[KerasTensor, ...]
    step: Step


def cell_of(cell: KerasLayer, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    """A cell for inputs (T·N, in); `used` (T·N, 1) is 0 where a step must change nothing."""
    return _KINDS[type(cell).__name__](cell, x, used)


def _simple(cell: KerasLayer, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    import tensorflow as tf

    kernel = _tensor(cell.recurrent_kernel, x)

    def step(given: Sequence[KerasTensor], states: States) -> States:
        (h,) = states
        return (_kept(h, cell.activation(given[0] + tf.matmul(h, kernel)), given[1:]),)

    return CellSteps((_projected(cell, x), *_masks(used)), step)


def _lstm(cell: KerasLayer, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    import tensorflow as tf

    units, kernel, gate = cell.units, _tensor(cell.recurrent_kernel, x), cell.recurrent_activation
    given = _projected(cell, x)
    ends = _ends(cell)
    if ends and used is not None:
        # Forget nothing, take in nothing.
        given += (1.0 - used) * tf.repeat(tf.constant([-_FAR, _FAR, 0.0, 0.0], x.dtype), units)

    def step(given: Sequence[KerasTensor], states: States) -> States:
        h, carry = states
        i, f, c, o = tf.split(given[0] + tf.matmul(h, kernel), 4, 1)
        new = gate(f) * carry + gate(i) * cell.activation(c)
        if not ends:
            new = _kept(carry, new, given[1:])
        return _kept(h, gate(o) * cell.activation(new), given[1:]), new

    return CellSteps((given, *_masks(used)), step)


def _gru(cell: KerasLayer, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    import tensorflow as tf

    gates, kernel = 2 * cell.units, _tensor(cell.recurrent_kernel, x)
    given = _projected(cell, x)
    of_gates, of_new = given[:, :gates], given[:, gates:]
    ends = _ends(cell)
    if ends and used is not None:
        of_gates += (1.0 - used) * tf.repeat(tf.constant([_FAR, 0.0], x.dtype), cell.units)
    after = _reset_after(cell)
    bias = _tensor(cell.bias, x)[1] if after and cell.use_bias else None

    def step(given: Sequence[KerasTensor], states: States) -> States:
        (h,) = states
        read = tf.matmul(h, kernel if after else kernel[:, :gates])
        read = read if bias is None else read + bias
        z, r = tf.split(cell.recurrent_activation(given[0] + read[:, :gates]), 2, 1)
        changed = r * read[:, gates:] if after else tf.matmul(r * h, kernel[:, gates:])
        new = cell.activation(given[1] + changed)
        return (_kept(h, new + z * (h - new), given[2:]),)

    return CellSteps((of_gates, of_new, *(() if ends else _masks(used))), step)


_KINDS: dict[str, Callable[[KerasLayer, KerasTensor, KerasTensor | None], CellSteps]] = {
    "SimpleRNNCell": _simple, "LSTMCell": _lstm, "GRUCell": _gru,
}


def _masks(used: KerasTensor | None) -> tuple[KerasTensor, ...]:
    return () if used is None else (used,)


def _kept(old: KerasTensor, new: KerasTensor, used: Sequence[KerasTensor]) -> KerasTensor:
    """The new state; the old one where there is a mask that is 0."""
    return old + used[0] * (new - old) if used else new


def _ends(cell: KerasLayer) -> bool:
    """Whether a gate that is driven far is exactly 0 or 1; a user's own function may have such a name."""
    function = cell.recurrent_activation
    own = getattr(function, "__module__", "").split(".")[0] in ("keras", "tf_keras")
    return own and getattr(function, "__name__", "") in _ENDING


def _projected(cell: KerasLayer, x: KerasTensor) -> KerasTensor:
    """What a cell makes of its inputs (T·N, in), without its states."""
    import tensorflow as tf

    made = tf.matmul(x, _tensor(cell.kernel, x))
    if not cell.use_bias:
        return made
    bias = _tensor(cell.bias, x)
    return made + (bias[0] if _reset_after(cell) else bias)


def _reset_after(cell: KerasLayer) -> bool:
    return bool(getattr(cell, "reset_after", False))


def _tensor(weight: KerasTensor, like: KerasTensor) -> KerasTensor:
    """A layer's weight as a tensor of the type of `like`."""
    import tensorflow as tf

    return tf.cast(tf.convert_to_tensor(weight), like.dtype)
