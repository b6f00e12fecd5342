"""What stands for each function of TensorFlow: the operations of Keras that compute the same.

A row names a function below `tf`; an argument that is not taken here cannot be followed.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from edgeprune.keras_bridge.nodes import SYMBOLS, Identity
from edgeprune.keras_types import KerasTensor

Function: TypeAlias = Callable[..., object]
_SAME = """
    math.abs math.negative math.square math.sqrt math.rsqrt math.exp math.expm1 math.log math.log1p math.sin
    math.cos math.erf math.floor math.round math.sign math.sigmoid math.tanh math.softplus math.reciprocal
    math.add math.subtract math.multiply math.divide math.truediv math.maximum math.minimum math.pow
    math.floormod math.greater math.greater_equal math.less math.less_equal math.equal math.not_equal
    math.logical_and math.logical_or math.logical_not nn.relu nn.relu6 nn.elu nn.selu nn.softsign
    reshape expand_dims squeeze stop_gradient
"""
"""Functions whose arguments stand in the same order in both."""
_OTHERWISE = {"abs": "absolute", "pow": "power", "floormod": "mod", "truediv": "true_divide"}
_REDUCED = {"sum": "sum", "mean": "mean", "max": "max", "min": "min", "prod": "prod", "any": "any",
            "all": "all", "logsumexp": "logsumexp", "variance": "var", "std": "std"}


class NotFollowedError(Exception):
    """A call of TensorFlow that has no operation of Keras."""


def functions_of_keras() -> dict[Identity, Function]:
    """TensorFlow's function to what stands for it."""
    import tensorflow as tf
    from keras import ops

    table: dict[str, Function] = {f"math.reduce_{name}": _reduced(getattr(ops, _REDUCED[name]))
                                   for name in _REDUCED}
    for path in _SAME.split():
        name = path.rsplit(".", maxsplit=1)[-1]
        table[path] = _in_order(getattr(ops, _OTHERWISE.get(name, name)), operator.attrgetter(path)(tf))
    table |= _TABLE
    return {
        Identity(inspect.unwrap(operator.attrgetter(name)(tf))): function for name, function in table.items()
    }


def _in_order(function: Function, named: Function) -> Function:
    """With arguments by position, as TensorFlow's function has them: Keras names them otherwise."""
    taken = inspect.signature(inspect.unwrap(named))

    def call(*args: object, **kwargs: object) -> object:
        given = taken.bind(*args, **kwargs).arguments
        return function(*map(_plain, given.values()))

    return call


def _plain(value: Any) -> Any:
    """Sizes and axes as Python's numbers: the recordings compare those."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if type(value).__name__ in SYMBOLS or not hasattr(value, "shape"):
        return int(value) if isinstance(value, np.integer) else value
    array = np.asarray(value)
    return array.tolist() if array.ndim < 2 and array.dtype.kind in "iu" else array


def _reduced(function: Function) -> Function:
    def call(
        input_tensor: KerasTensor, axis: object = None, keepdims: bool = False
    ) -> object:
        axis = _plain(axis)
        return function(input_tensor, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    return call


def _matmul(
    a: KerasTensor, b: KerasTensor, transpose_a: bool = False, transpose_b: bool = False,
    adjoint_a: bool = False, adjoint_b: bool = False,
) -> object:
    from keras import ops

    a = ops.swapaxes(a, -1, -2) if transpose_a or adjoint_a else a
    return ops.matmul(a, ops.swapaxes(b, -1, -2) if transpose_b or adjoint_b else b)


def _shape(input: KerasTensor, out_type: object = None) -> np.ndarray:  # noqa: A002 - TensorFlow's
    del out_type
    return np.array(input.shape, "int32")


def _transpose(a: KerasTensor, perm: object = None) -> object:
    from keras import ops

    return ops.transpose(a, _plain(perm))


def _concat(values: Sequence[KerasTensor], axis: int) -> object:
    from keras import ops

    return ops.concatenate(list(values), axis=_plain(axis))


def _stack(values: Sequence[KerasTensor], axis: int = 0) -> object:
    from keras import ops

    return ops.stack(list(values), axis=axis)


def _unstack(value: KerasTensor, num: int | None = None, axis: int = 0) -> object:
    from keras import ops

    return ops.unstack(value, num, axis)


def _split(value: KerasTensor, num_or_size_splits: object, axis: int = 0) -> object:
    from keras import ops

    sizes = _plain(num_or_size_splits)
    if isinstance(sizes, int):
        return ops.split(value, sizes, axis=axis)
    ends = np.cumsum([value.shape[axis] - sum(sizes) - 1 if one == -1 else one for one in sizes])[:-1]
    return ops.split(value, ends.tolist(), axis=axis)


def _tile(input: KerasTensor, multiples: object) -> object:  # noqa: A002 - TensorFlow's
    from keras import ops

    return ops.tile(input, _plain(multiples))


def _repeat(input: KerasTensor, repeats: object, axis: int | None = None) -> object:  # noqa: A002
    from keras import ops

    return ops.repeat(input, _plain(repeats), axis=axis)


def _pad(tensor: KerasTensor, paddings: object, mode: str = "CONSTANT", constant_values: float = 0) -> object:
    from keras import ops

    paddings = np.asarray(paddings).tolist()
    if mode != "CONSTANT":
        return ops.pad(tensor, paddings, mode=mode.lower())
    return ops.pad(tensor, paddings, constant_values=constant_values)


def _gather(params: KerasTensor, indices: object, validate_indices: object = None, axis: int = 0) -> object:
    from keras import ops

    del validate_indices
    return ops.take(params, indices, axis=axis)


def _lookup(params: KerasTensor, ids: object) -> object:
    from keras import ops

    return ops.take(params, ids, axis=0)


def _slice(input_: KerasTensor, begin: object, size: object) -> object:
    starts, sizes = np.asarray(begin).tolist(), np.asarray(size).tolist()
    return input_[tuple(
        slice(start, None if one == -1 else start + one) for start, one in zip(starts, sizes, strict=True)
    )]


def _reverse(tensor: KerasTensor, axis: object) -> object:
    from keras import ops

    axis = _plain(axis)
    return ops.flip(tensor, tuple(axis) if isinstance(axis, list) else axis)


def _roll(input: KerasTensor, shift: object, axis: object) -> object:  # noqa: A002 - TensorFlow's
    from keras import ops

    return ops.roll(input, _plain(shift), _plain(axis))


def _broadcast_to(input: KerasTensor, shape: object) -> object:  # noqa: A002 - TensorFlow's
    from keras import ops

    return ops.broadcast_to(input, _plain(shape))


def _cast(x: KerasTensor, dtype: object) -> object:
    import tensorflow as tf
    from keras import ops

    return ops.cast(x, tf.as_dtype(dtype).name)


def _like(name: str) -> Function:
    def call(input: KerasTensor, dtype: object = None) -> object:  # noqa: A002 - TensorFlow's
        import tensorflow as tf
        from keras import ops

        return getattr(ops, name)(input, dtype=None if dtype is None else tf.as_dtype(dtype).name)

    return call


def _where(condition: KerasTensor, x: KerasTensor, y: KerasTensor) -> object:
    from keras import ops

    return ops.where(condition, x, y)


def _einsum(equation: str, *inputs: KerasTensor) -> object:
    from keras import ops

    return ops.einsum(equation, *inputs)


def _tensordot(a: KerasTensor, b: KerasTensor, axes: Any) -> object:
    from keras import ops

    axes = _plain(axes)
    if axes == 1 or (np.ndim(axes[0]) == 0 and list(axes) in ([len(a.shape) - 1, 0], [-1, 0])):
        return ops.matmul(a, b) if len(b.shape) <= 2 else ops.tensordot(a, b, axes)
    return ops.tensordot(a, b, axes)


def _add_n(inputs: Sequence[KerasTensor]) -> object:
    from keras import ops

    total = inputs[0]
    for one in inputs[1:]:
        total = ops.add(total, one)
    return total


def _softmax(logits: KerasTensor, axis: int | None = None) -> object:
    from keras import ops

    return ops.softmax(logits, axis=-1 if axis is None else axis)


def _log_softmax(logits: KerasTensor, axis: int | None = None) -> object:
    from keras import ops

    axis = -1 if axis is None else axis
    return logits - ops.logsumexp(logits, axis=axis, keepdims=True)  # the logarithm of a softmax may be -inf


def _gelu(features: KerasTensor, approximate: bool = False) -> object:
    from keras import ops

    return ops.gelu(features, approximate=approximate)


def _silu(features: KerasTensor, beta: float = 1.0) -> object:
    from keras import ops

    return ops.silu(features) if beta == 1 else features * ops.sigmoid(beta * features)


def _leaky_relu(features: KerasTensor, alpha: float = 0.2) -> object:
    from keras import ops

    return ops.leaky_relu(features, negative_slope=alpha)


def _bias_add(value: KerasTensor, bias: KerasTensor, data_format: str | None = None) -> object:
    from keras import ops

    if data_format not in (None, "NHWC", "N..C"):
        raise NotFollowedError(f"tf.nn.bias_add on {data_format} cannot be followed")
    return ops.add(value, bias)


def _batch_norm(
    x: KerasTensor, mean: KerasTensor, variance: KerasTensor, offset: object, scale: object,
    variance_epsilon: float,
) -> object:
    from keras import ops

    made = (x - mean) * ops.rsqrt(variance + variance_epsilon)
    made = made if scale is None else made * scale
    return made if offset is None else made + offset


def _moments(x: KerasTensor, axes: object, shift: object = None, keepdims: bool = False) -> object:
    from keras import ops

    del shift
    axes = _plain(axes)
    axes = tuple(axes) if isinstance(axes, list) else axes
    return ops.mean(x, axis=axes, keepdims=keepdims), ops.var(x, axis=axes, keepdims=keepdims)


def _l2_normalize(x: KerasTensor, axis: object = None, epsilon: float = 1e-12) -> object:
    from keras import ops

    axis = _plain(axis)
    axis = tuple(axis) if isinstance(axis, list) else axis
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


def _squared_difference(x: KerasTensor, y: KerasTensor) -> object:
    from keras import ops

    return ops.square(ops.subtract(x, y))


def _clip(t: KerasTensor, clip_value_min: float, clip_value_max: float) -> object:
    from keras import ops

    return ops.clip(t, clip_value_min, clip_value_max)


def _cumsum(x: KerasTensor, axis: int = 0) -> object:
    from keras import ops

    return ops.cumsum(x, axis=axis)


def _resize(images: KerasTensor, size: object, method: str = "bilinear") -> object:
    from keras import ops

    return ops.image.resize(images, tuple(np.asarray(size).tolist()), interpolation=str(method))


def _patches(
    images: KerasTensor, sizes: Sequence[int], strides: Sequence[int], rates: Sequence[int], padding: str
) -> object:
    from keras import ops

    rate = rates[1] if rates[1] == rates[2] else tuple(rates[1:3])
    return ops.image.extract_patches(
        images, tuple(sizes[1:3]), tuple(strides[1:3]), rate, padding.lower(), data_format="channels_last"
    )


def _identity(input: object) -> object:  # noqa: A002 - TensorFlow's
    return input


def _one_hot(indices: KerasTensor, depth: int) -> object:
    from keras import ops

    return ops.one_hot(indices, int(depth))


_TABLE: Mapping[str, Function] = {
    "linalg.matmul": _matmul, "shape": _shape, "transpose": _transpose, "concat": _concat, "stack": _stack,
    "unstack": _unstack, "split": _split, "tile": _tile, "repeat": _repeat, "pad": _pad, "gather": _gather,
    "nn.embedding_lookup": _lookup, "slice": _slice, "reverse": _reverse, "roll": _roll,
    "broadcast_to": _broadcast_to, "cast": _cast, "zeros_like": _like("zeros_like"),
    "ones_like": _like("ones_like"), "where": _where, "einsum": _einsum, "tensordot": _tensordot,
    "math.add_n": _add_n, "nn.softmax": _softmax, "nn.log_softmax": _log_softmax, "nn.gelu": _gelu,
    "nn.silu": _silu, "nn.leaky_relu": _leaky_relu, "nn.bias_add": _bias_add,
    "nn.batch_normalization": _batch_norm, "nn.moments": _moments, "math.l2_normalize": _l2_normalize,
    "math.squared_difference": _squared_difference, "clip_by_value": _clip, "math.cumsum": _cumsum,
    "image.resize": _resize, "image.extract_patches": _patches, "identity": _identity, "one_hot": _one_hot,
}
