# ruff: noqa: ARG005, SIM905, E501 - every function takes both; lists of words
"""Cases of operations: one model for many rows where they are alike."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.layers.cases import SEQUENCE, Case, dense, read

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class OperationCase:
    """A model whose operations have the rows in `rows`."""

    rows: tuple[str, ...]
    case: Case


def outputs(keras_version: str, rows: str, *made: Callable[[Any, Any], Any], note: str = "") -> OperationCase:
    """One output for each function of (operations' namespace, a prunable tensor of (N, 6, 8))."""

    def build(k: Any, inputs: list[Any]) -> Any:
        space = k.ops if keras_version == "keras" else __import__("tensorflow")
        results = []
        for function in made:
            result = function(space, dense(k, inputs[0]))
            results += [read(k, one) for one in (result if isinstance(result, (list, tuple)) else [result])]
        return results

    row = tuple(rows.split())
    return OperationCase(row, Case(row[0], (SEQUENCE,), build, note=note, keras_versions=(keras_version,)))


POWERS = np.linspace(0.5, 2, 8).astype("float32")
ROW = [POWERS.tolist()]


def _number(o: Any, x: Any) -> Any:
    """A comparison as a number again."""
    return o.cast(x, "float32")


UNARY3 = (
    "absolute celu cos elu erf exp expm1 gelu hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid negative relu "
    "relu6 selu sigmoid sign silu sin softplus softsign square tanh"
).split()
UNARY2 = (
    "math.abs math.negative math.square math.exp math.sigmoid math.tanh math.softplus math.sign math.sin math.cos "
    "math.erf nn.relu nn.relu6 nn.elu nn.selu nn.gelu nn.leaky_relu nn.silu nn.softsign identity stop_gradient"
).split()


def _attend(o: Any, x: Any, heads: int) -> Any:
    """Self-attention of heads that are split off the channels."""
    split = o.reshape(x, (-1, 6, heads, 8 // heads))
    return o.reshape(o.dot_product_attention(split, split * 0.5, split + 1), (-1, 6, 8))


def _in_windows(o: Any, x: Any) -> Any:
    """Two windows of three steps each, one behind the other along the batch, and back."""
    windows = o.reshape(x, (-1, 3, 8))
    means = windows - o.reshape(windows[:, 1], (-1, 1, 8))
    return o.reshape(means, (-1, 6, 8))


def _unary3(o: Any, x: Any) -> Any:
    y = x + 2.0
    for name in UNARY3:
        y = y + 0.1 * getattr(o, name)(x)
    positive = o.absolute(x) + 0.5
    for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal"):
        y = y + getattr(o, name)(positive)
    return y + o.clip(x, -0.2, 0.3) + o.floor(3 * x) + o.round(3 * x)


def _binary3(o: Any, x: Any) -> Any:
    y = x * POWERS - 0.3
    z = (
        o.maximum(x, y)
        + o.minimum(x, 0.1)
        + o.divide(x, o.square(y) + 1)
        + o.power(o.square(x) + 1, 2.0)
        + x % 0.3
    )
    flags = [o.greater(x, y), o.greater_equal(x, y), o.less(x, y), o.less_equal(x, y), o.equal(x, y), x != y]
    both = o.logical_and(flags[0], o.logical_or(flags[2], o.logical_not(flags[1])))
    for flag in (*flags, both):
        z = z + _number(o, flag)
    return o.where(flags[0], z, o.true_divide(y, 2.0))


def _unary2(tf: Any, x: Any) -> Any:
    y = x + 2.0
    for name in UNARY2:
        home, _, function = name.rpartition(".")
        y = y + 0.1 * getattr(getattr(tf, home) if home else tf, function)(x)
    positive = tf.abs(x) + 0.5
    for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal"):
        y = y + getattr(tf.math, name)(positive)
    y = y + tf.nn.swish(x) + tf.math.floor(3 * x) + tf.math.round(3 * x) + tf.convert_to_tensor(x)
    return y + tf.clip_by_value(x, -0.2, 0.3) + x * tf.ones_like(x) + x * tf.zeros_like(x)


def _binary2(tf: Any, x: Any) -> Any:
    y = tf.nn.bias_add(x * POWERS, POWERS) - 0.3
    z = (
        tf.maximum(x, y)
        + tf.minimum(x, 0.1)
        + x / (tf.square(y) + 1)
        + tf.pow(tf.square(x) + 1, 2.0)
        + x % 0.3
    )
    z = z + tf.math.squared_difference(x, y) + tf.math.add(x, y)
    flags = [x > y, x >= y, x < y, x <= y, tf.equal(x, y), tf.not_equal(x, y)]
    both = tf.logical_and(flags[0], tf.logical_or(flags[2], tf.logical_not(flags[1])))
    for flag in (*flags, both):
        z = z + tf.cast(flag, "float32")
    return tf.where(flags[0], z, tf.math.subtract(y, 2.0))


def _dynamic_reshape(tf: Any, x: Any) -> Any:
    shape = tf.shape(x)
    return tf.reshape(tf.reshape(x, [shape[0], 3, 2, 8]), [-1, 6, 8])


OPERATIONS = [
    outputs(
        "keras",
        "ops.Absolute ops.Add ops.Celu ops.Clip ops.Cos ops.Elu ops.Erf ops.Exp ops.Expm1 ops.Floor ops.Gelu "
        "ops.HardSigmoid ops.HardSilu ops.HardTanh ops.LeakyRelu ops.Log ops.Log1p ops.LogSigmoid ops.Multiply "
        "ops.Negative ops.Reciprocal ops.Relu ops.Relu6 ops.Round ops.Rsqrt ops.Selu ops.Sigmoid ops.Sign ops.Silu "
        "ops.Sin ops.Softplus ops.Softsign ops.Sqrt ops.Square ops.Tanh",
        _unary3,
    ),
    outputs(
        "keras",
        "ops.Cast ops.Divide ops.Equal ops.Greater ops.GreaterEqual ops.Less ops.LessEqual ops.LogicalAnd "
        "ops.LogicalNot ops.LogicalOr ops.Maximum ops.Minimum ops.Mod ops.NotEqual ops.Power ops.Subtract "
        "ops.TrueDivide ops.Where",
        _binary3,
    ),
    outputs(
        "tf_keras",
        "tf.__operators__.add tf.math.multiply tf.math.log tf.math.log1p tf.math.sqrt tf.math.rsqrt "
        "tf.math.reciprocal tf.math.floor tf.math.round tf.clip_by_value tf.convert_to_tensor tf.ones_like "
        "tf.zeros_like tf.math.abs tf.math.negative tf.math.square tf.math.exp tf.math.sigmoid tf.math.tanh "
        "tf.math.softplus tf.math.sign tf.math.sin tf.math.cos tf.math.erf tf.nn.relu tf.nn.relu6 tf.nn.elu "
        "tf.nn.selu tf.nn.gelu tf.nn.leaky_relu tf.nn.silu tf.nn.softsign tf.identity tf.stop_gradient",
        _unary2,
    ),
    outputs(
        "tf_keras",
        "tf.nn.bias_add tf.math.maximum tf.math.minimum tf.math.truediv tf.math.pow tf.math.floormod "
        "tf.math.squared_difference tf.math.add tf.math.subtract tf.math.greater "
        "tf.math.greater_equal tf.math.less tf.math.less_equal tf.math.equal tf.math.not_equal "
        "tf.math.logical_and tf.math.logical_or tf.math.logical_not tf.cast tf.where",
        _binary2,
    ),
    outputs("tf_keras", "tf.__operators__.add", lambda t, x: x + ROW, note="nested list"),
    outputs(
        "keras",
        "ops.Mean ops.Max ops.Min ops.Prod ops.Std ops.Var ops.Sum ops.Any ops.All ops.Logsumexp",
        lambda o, x: o.mean(x, axis=1),
        lambda o, x: o.max(x, axis=(1,), keepdims=True) + o.min(x, axis=-2, keepdims=True),
        lambda o, x: o.prod(x, axis=1) + o.std(x, axis=1) + o.var(x, axis=1) + o.logsumexp(x, axis=1),
        lambda o, x: o.sum(x, axis=-1),
        lambda o, x: _number(o, o.any(x > 0.9, axis=1)) + _number(o, o.all(x > -0.5, axis=1)),
    ),
    *(
        outputs(
            "keras", f"ops.{name.title()}",
            lambda o, x, name=name: getattr(o, name)(x, axis=-1),
            lambda o, x, name=name: x * getattr(o, name)(x * x, axis=(1, 2), keepdims=True),
            note="over channels",
        ) for name in ("mean", "max", "min", "std", "var")
    ),
    *(
        outputs(
            "tf_keras", f"tf.math.{name}",
            lambda t, x, name=name: getattr(t.math, name)(x, -1),
            lambda t, x, name=name: x * getattr(t.math, name)(x * x, axis=[1, 2], keepdims=True),
            note="over channels",
        ) for name in ("reduce_mean", "reduce_max", "reduce_min", "reduce_std", "reduce_variance")
    ),
    outputs(
        "keras", "ops.Einsum", lambda o, x: o.einsum("btc,bsc->bts", x, x * 2),
        lambda o, x: o.einsum("bts,bsc->btc", o.softmax(o.einsum("btc,bsc->bts", x, x)), x),
        lambda o, x: o.einsum("btc,bsc->bt", x, x - 1),
    ),
    outputs("keras", "ops.Einsum", lambda o, x: o.einsum("btc,bsd->btd", x, x), note="two kinds"),
    outputs(
        "keras", "ops.Matmul", lambda o, x: o.matmul(x, o.transpose(o.mean(x, axis=0))),
        lambda o, x: o.matmul(o.mean(x, axis=0), o.transpose(x, (0, 2, 1))), note="of two ranks",
    ),
    outputs(
        "tf_keras", "tf.linalg.matmul", lambda t, x: t.matmul(x, t.reduce_mean(x, 0), transpose_b=True),
        note="of two ranks",
    ),
    outputs(
        "tf_keras", "tf.einsum", lambda t, x: t.einsum("btc,bsc->bts", x, x * 2),
        lambda t, x: t.einsum("bts,bsc->btc", t.einsum("btc,bsc->bts", x, x), x),
    ),
    outputs("keras", "ops.DotProductAttention", lambda o, x: _attend(o, x, 2), note="dimensions"),
    outputs("keras", "ops.DotProductAttention", lambda o, x: _attend(o, x, 4), note="heads"),
    outputs(
        "keras", "ops.Roll", lambda o, x: o.roll(x, 2, axis=1), lambda o, x: o.roll(x, (1, -1), axis=(0, 1)),
    ),
    outputs("tf_keras", "tf.roll", lambda t, x: t.roll(x, 2, axis=1)),
    outputs("keras", "ops.Reshape", _in_windows, note="across samples"),
    outputs("tf_keras", "tf.reshape", _in_windows, note="across samples"),
    outputs(
        "tf_keras",
        "tf.math.reduce_mean tf.math.reduce_max tf.math.reduce_min tf.math.reduce_prod tf.math.reduce_std "
        "tf.math.reduce_variance tf.math.reduce_sum tf.math.reduce_any tf.math.reduce_all tf.math.reduce_logsumexp",
        lambda t, x: t.reduce_mean(x, 1),
        lambda t, x: t.reduce_max(x, axis=[1], keepdims=True) + t.reduce_min(x, axis=-2, keepdims=True),
        lambda t, x: t.reduce_prod(x, 1) + t.math.reduce_std(x, 1) + t.math.reduce_variance(x, 1),
        lambda t, x: t.reduce_sum(x, axis=-1) + t.reduce_mean(t.reduce_logsumexp(x, 1, True)),
        lambda t, x: (
            t.cast(t.reduce_any(x > 0.9, 1), "float32") + t.cast(t.reduce_all(x > -0.5, 1), "float32")
        ),
    ),
    outputs(
        "keras", "ops.Softmax", lambda o, x: o.softmax(x, axis=1), lambda o, x: o.softmax(x), lambda o, x: x
    ),
    outputs(
        "keras", "ops.ZerosLike ops.OnesLike ops.FullLike ops.Cumsum", lambda o, x: x + o.zeros_like(x),
        lambda o, x: x * (o.ones_like(x) + o.full_like(x, 2.0)), lambda o, x: o.cumsum(x, axis=1),
    ),
    outputs("tf_keras", "tf.math.cumsum", lambda t, x: t.cumsum(x, axis=1)),
    outputs("tf_keras", "tf.nn.softmax", lambda t, x: t.nn.softmax(x, axis=1), lambda t, x: x),
    outputs(
        "keras",
        "ops.Reshape ops.ExpandDims ops.Squeeze ops.Transpose ops.Pad ops.Tile ops.Repeat ops.Flip ops.Stack "
        "ops.Unstack ops.Concatenate ops.Split ops.Matmul ops.GetItem",
        lambda o, x: o.reshape(x, (-1, 3, 2, 8)),
        lambda o, x: o.reshape(x, (-1, 48)),
        lambda o, x: o.squeeze(o.expand_dims(x, 1), 1) + 1,
        lambda o, x: o.transpose(x, (0, 2, 1)),
        lambda o, x: o.pad(x, ((0, 0), (1, 2), (0, 0))),
        lambda o, x: o.tile(x, (1, 2, 1)) + o.repeat(x, 2, axis=1),
        lambda o, x: o.flip(x, axis=1),
        lambda o, x: o.stack([x, x * 2], axis=2),
        lambda o, x: o.unstack(x, 6, 1)[2],
        lambda o, x: o.concatenate([x, x * 3], axis=-1),
        lambda o, x: o.split(x, 2, axis=-1),
        lambda o, x: o.split(x, [2], axis=1),
        lambda o, x: o.matmul(x, o.transpose(x, (0, 2, 1))),
        lambda o, x: o.matmul(o.transpose(x, (0, 2, 1)), x[..., :3]),
        lambda o, x: [x[:, ::2], x[..., 2:6], x[:, -1], x[:, None, :, :]],
    ),
    outputs(
        "tf_keras",
        "tf.reshape tf.compat.v1.shape tf.expand_dims tf.compat.v1.squeeze tf.compat.v1.transpose tf.compat.v1.pad tf.tile tf.repeat "
        "tf.reverse tf.stack tf.unstack tf.concat tf.split tf.linalg.matmul tf.__operators__.getitem",
        lambda t, x: t.reshape(x, (-1, 48)),
        _dynamic_reshape,
        lambda t, x: t.squeeze(t.expand_dims(x, 1), 1) + 1,
        lambda t, x: t.transpose(x, (0, 2, 1)),
        lambda t, x: t.pad(x, ((0, 0), (1, 2), (0, 0))),
        lambda t, x: t.tile(x, (1, 2, 1)) + t.repeat(x, 2, axis=1),
        lambda t, x: t.reverse(x, axis=[1]),
        lambda t, x: t.stack([x, x * 2], axis=2),
        lambda t, x: t.unstack(x, 6, 1)[2],
        lambda t, x: t.concat([x, x * 3], -1),
        lambda t, x: t.split(x, 2, axis=-1),
        lambda t, x: t.split(x, [2, 4], axis=1),
        lambda t, x: t.matmul(x, x, transpose_b=True),
        lambda t, x: t.transpose(x, (0, 2, 1)) @ x[..., :3],
        lambda t, x: [x[:, ::2], x[..., 2:6], x[:, -1], x[:, None, :, :]],
    ),
    outputs(
        "keras", "ops.Swapaxes ops.Moveaxis",
        lambda o, x: o.matmul(x, o.swapaxes(x, -1, -2)),
        lambda o, x: o.moveaxis(o.reshape(x, (-1, 3, 2, 8)), -1, 1),
        lambda o, x: o.moveaxis(o.reshape(x, (-1, 3, 2, 8)), (1, 3), (3, 2)),
    ),
    outputs("keras", "ops.Resize", lambda o, x: o.image.resize(o.reshape(x, (-1, 3, 2, 8)), (4, 4))),
    outputs("tf_keras", "tf.image.resize", lambda t, x: t.image.resize(t.reshape(x, (-1, 3, 2, 8)), (4, 4))),
]
