"""The loop over a recurrent layer's steps: turns of four steps, and what fills no turn before it.

Half of the time of a small layer goes into starting operators, and a sixth into the loop itself: in every
call LiteRT prepares all operators of a turn anew. So few operators count more than few multiplications.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from edgeprune.conversion.recurrent_cells import CellSteps, States
from edgeprune.keras_types import KerasTensor

# Steps in a turn. XNNPACK packs the weights anew for each step that is written out, so long turns leave the
# cache, and preparing a long turn takes longer than it saves; XNNPACK splits rows in four at most.
_TURN = 4
# From so many steps on there is a loop.
_LOOPED = 12

_Turn: TypeAlias = Callable[..., tuple[KerasTensor, ...]]


def run_steps(
    cell: CellSteps, states: States, samples: int, steps: int, *, every: bool
) -> tuple[KerasTensor | None, States]:
    """All outputs (T·N, u) if they are asked for, and the last states."""
    import tensorflow as tf

    turns = steps // _TURN if steps >= _LOOPED else 0
    first = steps - turns * _TURN
    rows = first * samples
    parts: list[KerasTensor] = []
    if first:
        parts, states = _several(cell, [one[:rows] for one in cell.given], first, states)
    if turns:
        made, states = _loop(cell, [one[rows:] for one in cell.given], states, turns, every=every)
        parts += made
    if not every:
        return None, states
    return (tf.concat(parts, 0) if len(parts) > 1 else parts[0]), states


def _loop(
    cell: CellSteps, given: Sequence[KerasTensor], states: States, turns: int, *, every: bool
) -> tuple[list[KerasTensor], States]:
    """The outputs of all steps as one tensor if they are asked for, and the last states."""
    import tensorflow as tf

    rows = given[0].shape[0] // turns
    # LiteRT takes the shape of a slice that moves for unknown, so turns are gathered.
    by_turn = [tf.reshape(one, (turns, rows, one.shape[1])) for one in given]
    # Every row will be replaced: these save a constant full of zeros.
    register = [given[0][:, : states[0].shape[1]]] if every else []
    count, several = len(states), len(states) + len(register)

    def turn(number: KerasTensor, *carried: KerasTensor) -> tuple[KerasTensor, ...]:
        before, outputs, kept = carried[:count], carried[count:several], carried[several:]
        made, after = _several(cell, [tf.gather(one, number) for one in kept], _TURN, before)
        return number + 1, *after, *(tf.concat([one[rows:], *made], 0) for one in outputs), *kept

    _, *carried = _turns(turns, turn, (tf.constant(0), *states, *register, *by_turn))
    return carried[count:several], tuple(carried[:count])


def _turns(turns: int, turn: _Turn, carried: Sequence[KerasTensor]) -> list[KerasTensor]:
    """Tensors after so many turns; the first of them counts.

    TensorFlow's own loop keeps a second count beside it, an operator more in each turn. It is for activations
    with weights.
    """
    import tensorflow as tf

    specs = [tf.TensorSpec(one.shape, one.dtype) for one in carried]

    def more(number: KerasTensor, *_: KerasTensor) -> KerasTensor:
        return number < turns

    before, body = (
        tf.function(one, autograph=False, input_signature=specs).get_concrete_function()
        for one in (more, turn)
    )
    if body.captured_inputs:
        return list(tf.while_loop(more, turn, tuple(carried)))
    shapes = [one.shape for one in carried]
    after = tf.raw_ops.StatelessWhile(input=list(carried), cond=before, body=body, output_shapes=shapes)
    return [tf.ensure_shape(one, shape) for one, shape in zip(after, shapes, strict=True)]


def _several(
    cell: CellSteps, given: Sequence[KerasTensor], number: int, states: States
) -> tuple[list[KerasTensor], States]:
    """The outputs (N, u) of some steps, and the states after them."""
    made = []
    for one in zip(*(_split(rows, number) for rows in given), strict=True):
        states = cell.step(one, states)
        made.append(states[0])
    return made, states


def _split(rows: KerasTensor, number: int) -> list[KerasTensor]:
    """(N, width) for each of so many steps."""
    import tensorflow as tf

    return list(tf.split(rows, number, 0)) if number > 1 else [rows]
