"""The table of layer rules. Supporting a Keras layer is one rule, one row here, one test case.

A layer without a row is a barrier: the neurons around it stay, and the report says why.
"""

from collections.abc import Iterable

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Layer
from edgeprune.layers.rule import Rule

from edgeprune.layers import (  # isort: skip
    activation, attention, barrier, bidirectional, conv_lstm, convolution,
    convolution_transpose, dense, depthwise, dot, einsum_dense, embedding, grouped_query_attention,
    layer_normalization, merging, multi_head_attention, normalization, operations, pooling, recurrent,
    reshaping, separable, steps, time_distributed,
)


def _table(families: Iterable[tuple[Rule, str]]) -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for rule, kinds in families:
        for kind in kinds.split():
            if kind in table:
                raise ValueError(f"two rules for layer {kind}")
            table[kind] = rule
    return table


def rule_for(layer: Layer) -> Rule:
    """The rule of a layer; a barrier where there is none."""
    if layer.barrier:
        return barrier.BarrierRule(layer.barrier)
    if layer.kind == "Lambda":
        return _LAMBDA
    if layer.module.split(".")[0] not in ("keras", "tf_keras"):
        return _registered.get(layer.kind, _UNKNOWN)
    return RULES.get(row_of(layer), _UNKNOWN)


def has_rule(layer: Layer) -> bool:
    """Whether a layer of that class is in the table, or registered; a program (Lambda) is not."""
    is_own = layer.module.split(".")[0] in ("keras", "tf_keras")
    return row_of(layer) in RULES if is_own else layer.kind in _registered


def row_of(layer: Layer) -> str:
    """A built-in layer's key in the table; operations have their own names, see `operations`."""
    if ".ops." in layer.module:
        return f"ops.{layer.kind}"
    if layer.kind in ("TFOpLambda", "SlicingOpLambda"):
        return f"tf.{layer.config['function']}"
    return layer.kind


RULES = _table((
    (barrier.SourceRule(), "InputLayer"),
    (dense.DenseRule(), "Dense"),
    (convolution.ConvolutionRule(), "Conv1D Conv2D Conv3D"),
    (convolution_transpose.ConvolutionTransposeRule(), "Conv1DTranspose Conv2DTranspose Conv3DTranspose"),
    (separable.SeparableConvolutionRule(), "SeparableConv1D SeparableConv2D"),
    (einsum_dense.EinsumDenseRule(), "EinsumDense"),
    (embedding.EmbeddingRule(), "Embedding"),
    (recurrent.RecurrentRule(), "SimpleRNN GRU LSTM"),
    (recurrent.CellsRule(), "RNN"),
    (conv_lstm.ConvLSTMRule(), "ConvLSTM1D ConvLSTM2D ConvLSTM3D"),
    (bidirectional.BidirectionalRule(rule_for), "Bidirectional"),
    (time_distributed.TimeDistributedRule(rule_for), "TimeDistributed"),
    (steps.FoldStepsRule(), "FoldSteps"),
    (steps.UnfoldStepsRule(), "UnfoldSteps"),
    (multi_head_attention.MultiHeadAttentionRule(), "MultiHeadAttention"),
    (grouped_query_attention.GroupedQueryAttentionRule(), "GroupedQueryAttention"),
    (attention.AttentionRule(), "Attention AdditiveAttention"),
    (depthwise.DepthwiseRule(), "DepthwiseConv1D DepthwiseConv2D"),
    (normalization.BatchNormalizationRule(), "BatchNormalization"),
    (layer_normalization.LayerNormalizationRule(), "LayerNormalization"),
    (layer_normalization.RMSNormalizationRule(), "RMSNormalization"),
    (layer_normalization.GroupNormalizationRule(), "GroupNormalization"),
    (layer_normalization.UnitNormalizationRule(), "UnitNormalization"),
    (activation.ActivationRule(), "Activation"),
    (activation.IdentityRule(), """
        Identity Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout
        GaussianDropout GaussianNoise ActivityRegularization StochasticDepth
    """),
    (activation.ReLURule(), "ReLU"),
    (activation.ElementwiseRule(), "LeakyReLU ELU ThresholdedReLU"),
    (activation.SoftmaxRule(), "Softmax"),
    (activation.PReLURule(), "PReLU"),
    (barrier.BarrierRule("looks at all neurons to find what is masked"), "Masking"),
    (activation.PerChannelOptionRule("scale", "offset"), "Rescaling"),
    (activation.PerChannelOptionRule("mean", "variance"), "Normalization"),
    (pooling.ResizingRule(), "Resizing"),
    (pooling.WithinChannelRule(), """
        CenterCrop MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D
        AveragePooling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D
        UpSampling1D UpSampling2D UpSampling3D
    """),
    (pooling.GlobalPoolingRule(), """
        GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
        GlobalMaxPooling2D GlobalMaxPooling3D
    """),
    (merging.ElementwiseMergeRule(), "Add Subtract Multiply Maximum Minimum Average CustomScaleLayer"),
    (merging.ConcatenateRule(), "Concatenate"),
    (dot.DotRule(), "Dot"),
    (reshaping.FlattenRule(), "Flatten"),
    (reshaping.ReshapeRule(), "Reshape"),
    (reshaping.PermuteRule(), "Permute"),
    (reshaping.RepeatVectorRule(), "RepeatVector"),
    (activation.LayerScaleRule(), "LayerScale"),
    *operations.FAMILIES,
))

_LAMBDA = barrier.BarrierRule("runs code that cannot be read")
_UNKNOWN = barrier.BarrierRule("is a layer without a pruning rule (see edgeprune.register_rule)")
_registered: dict[str, Rule] = {}


def register_rule(kind: str, rule: Rule) -> None:
    """Teaches edgeprune a layer of your own, see the README of `edgeprune.layers`.

    Args:
        kind: the layer's class name.
        rule: a subclass of `edgeprune.layers.rule.Rule`; the rules of this package are examples.

    Raises:
        InputError: there is a rule for that name.
    """
    if kind in RULES or kind in _registered:
        raise InputError(f"There is a pruning rule for {kind}.", way_out="Rename your layer class.")
    _registered[kind] = rule


def unregister_rule(kind: str) -> None:
    """Forgets a rule that `register_rule` took; does nothing where there is none."""
    _registered.pop(kind, None)
