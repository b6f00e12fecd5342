"""The table of layer rules. Supporting a Keras layer is one rule, one row here, one test case.

A layer without a row is a barrier: the neurons around it stay, and the report says why.
"""

from __future__ import annotations

from collections.abc import Iterable

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Layer
from edgeprune.layers import (
    activation,
    application_layers,
    attention,
    barrier,
    bidirectional,
    conv_lstm,
    convolution,
    convolution_transpose,
    dense,
    depthwise,
    dot,
    einsum_dense,
    embedding,
    grouped_query_attention,
    layer_normalization,
    merging,
    multi_head_attention,
    normalization,
    operations,
    pooling,
    recurrent,
    reshaping,
    separable,
    steps,
    time_distributed,
)
from edgeprune.layers.rule import Rule


def _table(rows: Iterable[tuple[str, Rule]]) -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for kind, rule in rows:
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


def row_of(layer: Layer) -> str:
    """A built-in layer's key in the table; operations have their own names, see `operations`."""
    if ".ops." in layer.module:
        return f"ops.{layer.kind}"
    if layer.kind in ("TFOpLambda", "SlicingOpLambda"):
        return f"tf.{layer.config['function']}"
    return layer.kind


_elementwise = activation.ElementwiseRule()
_identity = activation.IdentityRule()
_merge = merging.ElementwiseMergeRule()
_convolution = convolution.ConvolutionRule()
_transposed = convolution_transpose.ConvolutionTransposeRule()
_depthwise = depthwise.DepthwiseRule()
_separable = separable.SeparableConvolutionRule()
_recurrent = recurrent.RecurrentRule()
_conv_lstm = conv_lstm.ConvLSTMRule()
_attention = attention.AttentionRule()
_within = pooling.WithinChannelRule()
_global = pooling.GlobalPoolingRule()

RULES: dict[str, Rule] = _table([
    ("InputLayer", barrier.SourceRule()),
    ("Dense", dense.DenseRule()),
    ("Conv1D", _convolution),
    ("Conv2D", _convolution),
    ("Conv3D", _convolution),
    ("Conv1DTranspose", _transposed),
    ("Conv2DTranspose", _transposed),
    ("Conv3DTranspose", _transposed),
    ("SeparableConv1D", _separable),
    ("SeparableConv2D", _separable),
    ("EinsumDense", einsum_dense.EinsumDenseRule()),
    ("Embedding", embedding.EmbeddingRule()),
    ("SimpleRNN", _recurrent),
    ("GRU", _recurrent),
    ("LSTM", _recurrent),
    ("RNN", recurrent.CellsRule()),
    ("ConvLSTM1D", _conv_lstm),
    ("ConvLSTM2D", _conv_lstm),
    ("ConvLSTM3D", _conv_lstm),
    ("Bidirectional", bidirectional.BidirectionalRule(rule_for)),
    ("TimeDistributed", time_distributed.TimeDistributedRule(rule_for)),
    ("FoldSteps", steps.FoldStepsRule()),
    ("UnfoldSteps", steps.UnfoldStepsRule()),
    ("MultiHeadAttention", multi_head_attention.MultiHeadAttentionRule()),
    ("GroupedQueryAttention", grouped_query_attention.GroupedQueryAttentionRule()),
    ("Attention", _attention),
    ("AdditiveAttention", _attention),
    ("DepthwiseConv1D", _depthwise),
    ("DepthwiseConv2D", _depthwise),
    ("BatchNormalization", normalization.BatchNormalizationRule()),
    ("LayerNormalization", layer_normalization.LayerNormalizationRule()),
    ("RMSNormalization", layer_normalization.RMSNormalizationRule()),
    ("GroupNormalization", layer_normalization.GroupNormalizationRule()),
    ("UnitNormalization", layer_normalization.UnitNormalizationRule()),
    ("Activation", activation.ActivationRule()),
    ("Identity", _identity),
    ("ReLU", activation.ReLURule()),
    ("LeakyReLU", _elementwise),
    ("ELU", _elementwise),
    ("ThresholdedReLU", _elementwise),
    ("Softmax", activation.SoftmaxRule()),
    ("PReLU", activation.PReLURule()),
    ("Dropout", _identity),
    ("SpatialDropout1D", _identity),
    ("SpatialDropout2D", _identity),
    ("SpatialDropout3D", _identity),
    ("AlphaDropout", _identity),
    ("GaussianDropout", _identity),
    ("GaussianNoise", _identity),
    ("ActivityRegularization", _identity),
    ("Masking", barrier.BarrierRule("looks at all channels to find what is masked")),
    ("Rescaling", activation.PerChannelOptionRule("scale", "offset")),
    ("Normalization", activation.PerChannelOptionRule("mean", "variance")),
    ("Resizing", pooling.ResizingRule()),
    ("CenterCrop", _within),
    ("MaxPooling1D", _within),
    ("MaxPooling2D", _within),
    ("MaxPooling3D", _within),
    ("AveragePooling1D", _within),
    ("AveragePooling2D", _within),
    ("AveragePooling3D", _within),
    ("ZeroPadding1D", _within),
    ("ZeroPadding2D", _within),
    ("ZeroPadding3D", _within),
    ("Cropping1D", _within),
    ("Cropping2D", _within),
    ("Cropping3D", _within),
    ("UpSampling1D", _within),
    ("UpSampling2D", _within),
    ("UpSampling3D", _within),
    ("GlobalAveragePooling1D", _global),
    ("GlobalAveragePooling2D", _global),
    ("GlobalAveragePooling3D", _global),
    ("GlobalMaxPooling1D", _global),
    ("GlobalMaxPooling2D", _global),
    ("GlobalMaxPooling3D", _global),
    ("Add", _merge),
    ("Subtract", _merge),
    ("Multiply", _merge),
    ("Maximum", _merge),
    ("Minimum", _merge),
    ("Average", _merge),
    ("Concatenate", merging.ConcatenateRule()),
    ("Dot", dot.DotRule()),
    ("Flatten", reshaping.FlattenRule()),
    ("Reshape", reshaping.ReshapeRule()),
    ("Permute", reshaping.PermuteRule()),
    ("RepeatVector", reshaping.RepeatVectorRule()),
    ("LayerScale", application_layers.LayerScaleRule()),
    ("StochasticDepth", _identity),
    ("CustomScaleLayer", _merge),
    *operations.ROWS,
])

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
