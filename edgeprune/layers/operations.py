"""Rows of the table for operations: ``ops.X`` is class X of keras.ops, ``tf.x`` TensorFlow's name."""

import numpy as np

from edgeprune.layers import (
    operation_attention,
    operation_einsum,
    operation_elementwise,
    operation_reduction,
    operation_shaping,
)
from edgeprune.layers.operation import Parameter
from edgeprune.layers.operation_slicing import GetItemRule
from edgeprune.layers.rule import Rule

FAMILIES: tuple[tuple[Rule, str], ...] = (
    (operation_elementwise.ElementwiseOperationRule(), """
        ops.Absolute ops.Add ops.Cast ops.Clip ops.Celu ops.Cos ops.Divide ops.Elu ops.Equal ops.Erf
        ops.Exp ops.Expm1 ops.Floor ops.Gelu ops.Greater ops.GreaterEqual ops.HardSigmoid ops.HardSilu
        ops.HardTanh ops.LeakyRelu ops.Less ops.LessEqual ops.Log ops.Log1p ops.LogicalAnd ops.LogicalNot
        ops.LogicalOr ops.LogSigmoid ops.Maximum ops.Minimum ops.Mod ops.Multiply ops.Negative ops.NotEqual
        ops.Power ops.Reciprocal ops.Relu ops.Relu6 ops.Round ops.Rsqrt ops.Selu ops.Sigmoid ops.Sign
        ops.Silu ops.Sin ops.Softplus ops.Softsign ops.Sqrt ops.Square ops.Subtract ops.Tanh ops.TrueDivide
        ops.Where ops.ZerosLike ops.OnesLike ops.FullLike
        tf.__operators__.add tf.math.add tf.math.subtract tf.math.multiply
        tf.math.truediv tf.math.maximum tf.math.minimum tf.math.pow tf.math.floormod tf.math.abs
        tf.math.negative tf.math.square tf.math.sqrt tf.math.rsqrt tf.math.exp tf.math.log tf.math.log1p
        tf.math.sigmoid tf.math.tanh tf.math.softplus tf.math.squared_difference tf.math.reciprocal
        tf.math.sign tf.math.sin tf.math.cos tf.math.erf tf.math.greater tf.math.greater_equal tf.math.less
        tf.math.less_equal tf.math.equal tf.math.not_equal tf.math.logical_and tf.math.logical_or
        tf.math.logical_not tf.nn.relu tf.nn.relu6 tf.nn.elu tf.nn.selu tf.nn.gelu tf.nn.leaky_relu
        tf.nn.silu tf.nn.softsign tf.nn.bias_add tf.cast tf.clip_by_value tf.identity
        tf.stop_gradient tf.where tf.zeros_like tf.ones_like tf.convert_to_tensor
        tf.math.floor tf.math.round
    """),
    (operation_reduction.ReductionRule(), """
        ops.All ops.Any ops.Prod ops.Logsumexp tf.math.reduce_prod tf.math.reduce_any tf.math.reduce_all
        tf.math.reduce_logsumexp
    """),
    (operation_reduction.StatisticRule("mean"), "ops.Mean tf.math.reduce_mean"),
    (operation_reduction.StatisticRule("max"), "ops.Max tf.math.reduce_max"),
    (operation_reduction.StatisticRule("min"), "ops.Min tf.math.reduce_min"),
    (operation_reduction.StatisticRule("var"), "ops.Var tf.math.reduce_variance"),
    (operation_reduction.StatisticRule("std"), "ops.Std tf.math.reduce_std"),
    (operation_reduction.ReductionRule(additive=True), "ops.Sum tf.math.reduce_sum"),
    (operation_elementwise.SoftmaxOperationRule(), "ops.Softmax tf.nn.softmax"),
    (operation_shaping.ReshapeOperationRule(), "ops.Reshape tf.reshape"),
    (operation_shaping.ToShapeRule(), "ops.ExpandDims tf.expand_dims ops.Squeeze tf.compat.v1.squeeze"),
    (operation_shaping.TransposeRule(), "ops.Transpose tf.compat.v1.transpose"),
    (operation_shaping.MovedAxesRule(np.swapaxes, "axis1", "axis2"), "ops.Swapaxes"),
    (operation_shaping.MovedAxesRule(np.moveaxis, "source", "destination"), "ops.Moveaxis"),
    (operation_shaping.WithinAxesRule(), "ops.Pad tf.compat.v1.pad ops.Tile tf.tile"),
    (operation_shaping.WithinAxesRule(Parameter(("axis",), 2)), "ops.Repeat tf.repeat ops.Roll tf.roll"),
    (operation_shaping.WithinAxesRule(Parameter(("axis",), 1)), """
        ops.Flip tf.reverse ops.Cumsum tf.math.cumsum
    """),
    (operation_shaping.ResizeImageRule(), "ops.Resize tf.image.resize"),
    (operation_shaping.JoinRule(), "ops.Concatenate tf.concat"),
    (operation_shaping.StackRule(), "ops.Stack tf.stack"),
    (operation_shaping.UnstackRule(), "ops.Unstack tf.unstack"),
    (operation_shaping.SplitRule(), "ops.Split tf.split"),
    (operation_shaping.MatmulRule(), "ops.Matmul tf.linalg.matmul"),
    (operation_einsum.EinsumRule(), "ops.Einsum tf.einsum"),
    (operation_attention.DotProductAttentionRule(), "ops.DotProductAttention"),
    (GetItemRule(), "ops.GetItem tf.__operators__.getitem"),
    (operation_shaping.ShapeRule(), "tf.compat.v1.shape"),
)
