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

import numpy as np

from edgeprune.keras_types import KerasLayer, KerasTensor

States: TypeAlias = tuple[KerasTensor, ...]
Step: TypeAlias = Callable[[Sequence[KerasTensor], States], States]
"""A row of each part of what is given, and the states; the first of the new states is the cell's output."""

_FAR = 1e4
"""Beyond the ends of a sigmoid, whatever else is added."""
_ENDING = frozenset({"sigmoid", "hard_sigmoid"})
"""Gates' activations that reach exactly 0 and 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class CellWeights:
    """What a cell computes with; arrays of one type."""

    kind: str  # its class
    units: int
    kernel: np.ndarray  # (in, g·u)
    recurrent_kernel: np.ndarray  # (u, g·u)
    bias: np.ndarray | None  # (1, g·u); (2, g·u) where the second is added to what is read of the state
    reset_after: bool
    activation: Callable[[KerasTensor], KerasTensor]
    recurrent_activation: Callable[[KerasTensor], KerasTensor]  # the activation where there is but one


@dataclasses.dataclass(frozen=True, eq=False)
class CellSteps:
    """What a cell makes of the inputs alone, each (T·N, width), and its step."""

    given: tuple[KerasTensor, ...]
    step: Step


def weights_of(cell: KerasLayer, like: KerasTensor) -> CellWeights:
    """A Keras cell's weights, in the type of `like`."""
    import tensorflow as tf

    def array(weight: KerasTensor) -> np.ndarray:
        with tf.init_scope():  # outside of the function that is traced
            found: np.ndarray = tf.cast(tf.convert_to_tensor(weight), like.dtype).numpy()
        return found

    kernel = array(cell.kernel)
    return CellWeights(
        type(cell).__name__, cell.units, kernel, array(cell.recurrent_kernel),
        array(cell.bias).reshape(-1, kernel.shape[1]) if cell.use_bias else None,
        bool(getattr(cell, "reset_after", False)), cell.activation,
        getattr(cell, "recurrent_activation", cell.activation),
    )


def joined(one: CellWeights, other: CellWeights) -> CellWeights:
    """Two cells side by side as one: inputs, states and each gate are those of the first, then of the second.

    Where they must not mix, weights are 0.
    """
    units = one.units + other.units
    gates = one.kernel.shape[1] // one.units

    def blocks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        rows = len(first)
        both = np.zeros((rows + len(second), gates, units), first.dtype)
        both[:rows, :, : one.units] = first.reshape(rows, gates, -1)
        both[rows:, :, one.units :] = second.reshape(-1, gates, other.units)
        return both.reshape(-1, gates * units)

    bias = None
    if one.bias is not None and other.bias is not None:
        parts = [one.bias.reshape(-1, gates, one.units), other.bias.reshape(-1, gates, other.units)]
        bias = np.concatenate(parts, 2).reshape(-1, gates * units)
    return dataclasses.replace(
        one, units=units, kernel=blocks(one.kernel, other.kernel), bias=bias,
        recurrent_kernel=blocks(one.recurrent_kernel, other.recurrent_kernel),
    )


def steps_of(cell: CellWeights, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    """A cell for inputs (T·N, in); `used` (T·N, 1 or u) is 0 where a step must change nothing."""
    return _KINDS[cell.kind](cell, x, used)


def _simple(cell: CellWeights, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    import tensorflow as tf

    def step(given: Sequence[KerasTensor], states: States) -> States:
        (h,) = states
        new = cell.activation(given[0] + tf.matmul(h, cell.recurrent_kernel))
        return (_kept(h, new, given[1:]),)

    return CellSteps((_projected(cell, x), *_masks(used)), step)


def _lstm(cell: CellWeights, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    import tensorflow as tf

    units, given, ends = cell.units, _projected(cell, x), _ends(cell)
    if ends and used is not None:
        # Take in nothing, forget nothing.
        given += _driven(used, units, (-_FAR, _FAR, 0.0, 0.0))

    def step(given: Sequence[KerasTensor], states: States) -> States:
        h, carry = states
        driven = given[0] + tf.matmul(h, cell.recurrent_kernel)
        gates = _gates(cell, driven, (0, 1, 3))
        new = gates[1] * carry + gates[0] * cell.activation(driven[:, 2 * units : 3 * units])
        if not ends:
            new = _kept(carry, new, given[1:])
        return _kept(h, gates[2] * cell.activation(new), given[1:]), new

    return CellSteps((given, *_masks(used)), step)


def _gru(cell: CellWeights, x: KerasTensor, used: KerasTensor | None) -> CellSteps:
    import tensorflow as tf

    first, kernel, after = 2 * cell.units, cell.recurrent_kernel, cell.reset_after
    given, ends = _projected(cell, x), _ends(cell)
    if ends and used is not None:
        given += _driven(used, cell.units, (_FAR, 0.0, 0.0))
    bias = cell.bias[1] if after and cell.bias is not None else None

    def step(given: Sequence[KerasTensor], states: States) -> States:
        (h,), of_new = states, given[0][:, first:]
        read = tf.matmul(h, kernel if after else kernel[:, :first])
        read = read if bias is None else read + bias
        z, r = _gates(cell, (given[0] if after else given[0][:, :first]) + read, (0, 1))
        changed = r * read[:, first:] if after else tf.matmul(r * h, kernel[:, first:])
        new = cell.activation(of_new + changed)
        return (_kept(h, new + z * (h - new), given[1:]),)

    return CellSteps((given, *(() if ends else _masks(used))), step)


_KINDS: dict[str, Callable[[CellWeights, KerasTensor, KerasTensor | None], CellSteps]] = {
    "SimpleRNNCell": _simple, "LSTMCell": _lstm, "GRUCell": _gru,
}


def _gates(cell: CellWeights, driven: KerasTensor, numbers: Sequence[int]) -> list[KerasTensor]:
    """Gates by their numbers, out of what drives all parts of a step (N, g·u).

    Applied to all parts at once, even to one that is no gate, a sigmoid is one operator. An activation of a
    user's own may mix its inputs, as softmax does: it gets one gate at a time.
    """
    def part(of: KerasTensor, number: int) -> KerasTensor:
        return of[:, number * cell.units : (number + 1) * cell.units]

    if _ends(cell):
        driven = cell.recurrent_activation(driven)
        return [part(driven, number) for number in numbers]
    return [cell.recurrent_activation(part(driven, number)) for number in numbers]


def _masks(used: KerasTensor | None) -> tuple[KerasTensor, ...]:
    return () if used is None else (used,)


def _kept(old: KerasTensor, new: KerasTensor, used: Sequence[KerasTensor]) -> KerasTensor:
    """The new state; the old one where there is a mask that is 0."""
    return old + used[0] * (new - old) if used else new


def _driven(used: KerasTensor, units: int, ends: Sequence[float]) -> KerasTensor:
    """What drives each gate (T·N, g·u) to its end in the steps that are masked."""
    import tensorflow as tf

    off = (1.0 - used) * tf.ones((1, units), used.dtype)
    return tf.concat([off * end for end in ends], 1)


def _ends(cell: CellWeights) -> bool:
    """Whether a gate that is driven far is exactly 0 or 1; a user's own function may have such a name."""
    function = cell.recurrent_activation
    own = getattr(function, "__module__", "").split(".")[0] in ("keras", "tf_keras")
    return own and getattr(function, "__name__", "") in _ENDING


def _projected(cell: CellWeights, x: KerasTensor) -> KerasTensor:
    """What a cell makes of its inputs (T·N, in), without its states."""
    import tensorflow as tf

    made = tf.matmul(x, cell.kernel)
    return made if cell.bias is None else made + cell.bias[0]
