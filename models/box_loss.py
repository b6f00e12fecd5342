"""The loss of a detector whose cells each speak for one box; `edgeprune.tasks.detection` tells its heads."""

from __future__ import annotations

from edgeprune.keras_types import KerasTensor

_BOX_WEIGHT = 4.0
_FOCUS = 2.0
_TINY = 1e-4


def box_loss(y_true: KerasTensor, heads: KerasTensor) -> KerasTensor:
    """(N,) loss of boxes (N, M, 5), class -1 where there is none, and heads (N, R, C, 4 + classes).

    Scores: focal loss in the form of Li et al. 2020 (arXiv 2006.04388), summed over all cells and classes.
    Boxes: absolute differences in the cells that have one. Both per box.
    """
    import tensorflow as tf

    wanted, has_box = cell_targets(y_true, heads)
    boxes = tf.maximum(tf.reduce_sum(has_box, axis=(1, 2)), 1.0)
    found = tf.clip_by_value(heads[..., 4:], _TINY, 1 - _TINY)
    label = wanted[..., 4:]
    cross = -label * tf.math.log(found) - (1 - label) * tf.math.log(1 - found)
    scores = tf.reduce_sum(tf.abs(label - found) ** _FOCUS * cross, axis=(1, 2, 3))
    apart = tf.reduce_sum(tf.abs(wanted[..., :4] - heads[..., :4]), axis=-1)
    sizes = tf.reduce_sum(tf.abs(wanted[..., 2:4] - heads[..., 2:4]), axis=-1)
    places = tf.reduce_sum(has_box * (apart + _BOX_WEIGHT * sizes), axis=(1, 2))
    return (scores + places) / boxes


def cell_targets(y_true: KerasTensor, heads: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """(N, R, C, 4 + classes) what each cell should say, and (N, R, C) 1 where the centre of one box lies."""
    import tensorflow as tf

    rows, columns, classes = heads.shape[1], heads.shape[2], heads.shape[3] - 4
    there = tf.cast(y_true[..., 0] >= 0, tf.float32)
    low, high = y_true[..., 1:3], y_true[..., 3:5]
    grid = tf.constant([rows, columns], tf.float32)
    place = (low + high) / 2 * grid
    cell = tf.clip_by_value(tf.floor(place), 0.0, grid - 1)
    number = tf.cast(cell[..., 0] * columns + cell[..., 1], tf.int32)
    in_cell = tf.one_hot(number, rows * columns) * there[..., None]
    # Of two boxes in one cell the first counts: averaging them would teach a box that is neither.
    first = tf.cast(tf.cumsum(in_cell, axis=1, exclusive=True) < 0.5, tf.float32)
    in_cell *= first
    kind = tf.one_hot(tf.cast(y_true[..., 0], tf.int32), classes)
    values = tf.concat([place - cell, high - low, kind], axis=-1)
    wanted = tf.einsum("nmk,nmv->nkv", in_cell, values)
    shape = (-1, rows, columns)
    return tf.reshape(wanted, (*shape, 4 + classes)), tf.reshape(tf.reduce_sum(in_cell, axis=1), shape)
