"""What each layer does with one step of time, and what it keeps for the next; see `streaming`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from edgeprune.conversion.recurrent_cells import steps_of, weights_of
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasLayer, KerasTensor

NEEDS = "--streaming expects layers that compute a step from this one and earlier ones."


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """One step (1, 1, ...) of what has a time axis in the model."""

    value: KerasTensor
    padding: int = 0  # steps of zeros that the model puts before the first


Value: TypeAlias = "Stream | KerasTensor"
"""A tensor without a time axis is as of this step."""
_Call: TypeAlias = Callable[[], list[KerasTensor]]


class CellStates:
    """The states as they are given and as they will be, in the order in which they are met.

    Where none are given they are all zeros: that tells their shapes.
    """

    def __init__(self, given: Sequence[KerasTensor] = ()) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.after: list[KerasTensor] = []
        self._given = given

    def take(self, *shape: int) -> KerasTensor:
        """The next state, of this shape."""
        import tensorflow as tf

        self.shapes.append(shape)
        return self._given[len(self.shapes) - 1] if self._given else tf.zeros(shape)

    def keep(self, *after: KerasTensor) -> None:
        """What was taken, as it will be in the next step."""
        self.after += after


def layer_step(layer: KerasLayer, taken: Sequence[Value], call: _Call, states: CellStates) -> list[Value]:
    """A layer's outputs for one step; `call` calls it on its inputs as they are.

    Raises:
        InputError: it needs later steps, or all of them at once.
    """
    kind, own = type(layer).__name__, type(layer).__module__.split(".")[0] in ("keras", "tf_keras")
    streams = [one for one in taken if isinstance(one, Stream)]
    if not own or len(streams) < len(taken):
        raise _refusal(layer, "cannot be followed step by step")
    if kind in _CONVOLUTIONS:
        return [_convolution(layer, streams[0], states)]
    if any(one.padding for one in streams):
        raise _refusal(layer, f"reads {streams[0].padding} steps of zeros that are put before the first")
    if kind == "ZeroPadding1D":
        before, after = layer.padding
        if after:
            raise _refusal(layer, "adds steps at the end")
        return [Stream(streams[0].value, before)]
    if kind in _KEEPING:
        return _KEEPING[kind](layer, streams[0].value, states)
    if not _by_step(layer, kind, streams):
        raise _refusal(layer, _WHY.get(kind, "may mix steps"))
    made = call()
    if any(tuple(one.shape)[:2] != (1, 1) for one in made):  # by a constant that has a time axis
        raise _refusal(layer, "computes each step with other numbers")
    return [Stream(one) for one in made]


_ALWAYS = frozenset({
    "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "TimeDistributed", "Dropout", "SpatialDropout1D",
    "GaussianDropout", "GaussianNoise", "AlphaDropout", "Rescaling", "Masking", "Add", "Subtract",
    "Multiply", "Average", "Maximum", "Minimum", "Divide", "TrueDivide", "Negative", "Relu", "Relu6",
    "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Square", "Gelu", "Silu", "Softplus",
})  # fmt: skip
"""Layers and Keras operations that compute each step by itself, however they are set up."""
_OF_SCALARS = frozenset({"Embedding", "NotEqual"})
"""Those that take tokens (batch, time)."""
_ON_LAST_AXIS = frozenset({
    "Dense", "Softmax", "LayerNormalization", "BatchNormalization", "Concatenate", "Normalization",
    "UnitNormalization", "RMSNormalization",
})  # fmt: skip
"""Layers that do so where the axis they work on is the last one, and is not time."""
_WHY: Mapping[str, str] = {
    "Bidirectional": "reads the steps backwards, too", "Attention": "reads all steps at once",
    "MultiHeadAttention": "reads all steps at once", "GroupQueryAttention": "reads all steps at once",
    "AdditiveAttention": "reads all steps at once", "Flatten": "joins all steps",
    "MaxPooling1D": "makes one step of several", "AveragePooling1D": "makes one step of several",
}


def _by_step(layer: KerasLayer, kind: str, streams: Sequence[Stream]) -> bool:
    """Whether a layer computes each step by itself."""
    ranks = {len(one.value.shape) for one in streams}
    if kind in _OF_SCALARS:
        return True
    if kind in _ALWAYS:
        return len(ranks) == 1 and min(ranks) > 2  # a function of (batch, time) might be one of time
    if kind not in _ON_LAST_AXIS:
        return False
    (rank,) = ranks if len(ranks) == 1 else (0,)
    if rank <= 2:  # (batch, time, features)
        return False
    axis = getattr(layer, "axis", -1)
    axes = [] if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
    return {int(one) % rank for one in axes} <= {rank - 1}


def _recurrent(layer: KerasLayer, x: KerasTensor, states: CellStates) -> list[Value]:
    """LSTM, GRU or SimpleRNN: the cell's own step."""
    if layer.go_backwards:
        raise _refusal(layer, "reads the steps backwards")
    row = x[:, 0]
    cell = steps_of(weights_of(layer.cell, row), row, None)
    count = 2 if type(layer).__name__ == "LSTM" else 1
    after = cell.step(cell.given, tuple(states.take(1, layer.units) for _ in range(count)))
    states.keep(*after)
    output: Value = Stream(after[0][:, None]) if layer.return_sequences else after[0]
    return [output, *after] if layer.return_state else [output]


def _convolution(layer: KerasLayer, stream: Stream, states: CellStates) -> Stream:
    """A convolution over time: all that its kernel reads is this step and earlier ones."""
    import tensorflow as tf

    kind, x = type(layer).__name__, stream.value
    (size,), (stride,), (dilation,) = layer.kernel_size, layer.strides, layer.dilation_rate
    reach = (size - 1) * dilation
    padding = reach if layer.padding == "causal" else stream.padding
    if stride > 1:
        raise _refusal(layer, "makes one step of several")
    if layer.padding == "same" and reach:
        raise _refusal(layer, "reads later steps (padding='same')")
    if padding != reach or (layer.padding == "causal" and stream.padding):
        raise _refusal(layer, f"has {reach} steps before the first to read and {padding} of padding")
    if layer.data_format != "channels_last" or getattr(layer, "groups", 1) > 1:
        raise _refusal(layer, "has groups, or its channels first")
    window = x
    if reach:
        window = tf.concat([states.take(1, reach, int(x.shape[2])), x], 1)
        states.keep(window[:, 1:])
    rows = window[0, ::dilation]  # (k, C)
    with tf.init_scope():  # outside of the function that is traced
        weights = [np.asarray(one) for one in layer.get_weights()]
    made = _CONVOLUTIONS[kind](rows, weights)
    if layer.use_bias:
        made += weights[-1]
    return Stream(layer.activation(made)[:, None])


def _full(rows: KerasTensor, weights: Sequence[np.ndarray]) -> KerasTensor:
    """(k, C) -> (1, F), kernel (k, C, F)."""
    import tensorflow as tf

    kernel = weights[0]
    return tf.matmul(tf.reshape(rows, (1, -1)), kernel.reshape(-1, kernel.shape[2]))


def _depthwise(rows: KerasTensor, weights: Sequence[np.ndarray]) -> KerasTensor:
    """(k, C) -> (1, C·m), kernel (k, C, m)."""
    import tensorflow as tf

    return tf.reshape(tf.reduce_sum(rows[:, :, None] * weights[0], 0), (1, -1))


def _separable(rows: KerasTensor, weights: Sequence[np.ndarray]) -> KerasTensor:
    """(k, C) -> (1, F), kernels (k, C, m) and (1, C·m, F)."""
    import tensorflow as tf

    return tf.matmul(_depthwise(rows, weights), weights[1][0])


_CONVOLUTIONS: Mapping[str, Callable[[KerasTensor, Sequence[np.ndarray]], KerasTensor]] = {
    "Conv1D": _full, "DepthwiseConv1D": _depthwise, "SeparableConv1D": _separable,
}


def _mean(layer: KerasLayer, x: KerasTensor, states: CellStates) -> list[Value]:
    """The mean of the steps so far."""
    total, number = states.take(1, _channels(layer, x)) + x[:, 0], states.take(1, 1) + 1.0
    states.keep(total, number)
    return [_pooled(layer, total / number)]


def _largest(layer: KerasLayer, x: KerasTensor, states: CellStates) -> list[Value]:
    """The largest values so far."""
    import tensorflow as tf

    before, begun = states.take(1, _channels(layer, x)), states.take(1, 1)
    after = begun * tf.maximum(before, x[:, 0]) + (1.0 - begun) * x[:, 0]
    states.keep(after, tf.ones_like(begun))
    return [_pooled(layer, after)]


def _channels(layer: KerasLayer, x: KerasTensor) -> int:
    if layer.data_format != "channels_last":
        raise _refusal(layer, "has its channels first")
    return int(x.shape[2])


def _pooled(layer: KerasLayer, value: KerasTensor) -> KerasTensor:
    return value[:, None] if layer.keepdims else value


_KEEPING: Mapping[str, Callable[[KerasLayer, KerasTensor, CellStates], list[Value]]] = {
    "LSTM": _recurrent, "GRU": _recurrent, "SimpleRNN": _recurrent,
    "GlobalAveragePooling1D": _mean, "GlobalMaxPooling1D": _largest,
}


def _refusal(layer: KerasLayer, why: str) -> InputError:
    return InputError(
        f"A layer cannot run step by step: '{layer.name}' of class {type(layer).__name__} {why}.", NEEDS,
        "Leave --streaming out.",
    )
