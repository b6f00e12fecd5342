"""The table of layer rules. Supporting a Keras layer is one rule, one row here, one test case.

A layer without a row is a barrier: the neurons around it stay, and the report says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.errors import InputError
from edgeprune.layers import activation, barrier, convolution, dense, depthwise, merging
from edgeprune.layers import normalization, pooling, reshaping

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgeprune.graph.model_graph import Layer
    from edgeprune.layers.rule import Rule


def _table(rows: Iterable[tuple[str, Rule]]) -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for kind, rule in rows:
        if kind in table:
            raise ValueError(f"two rules for layer {kind}")
        table[kind] = rule
    return table


_elementwise = activation.ElementwiseRule()
_merge = merging.ElementwiseMergeRule()
_convolution = convolution.ConvolutionRule()
_depthwise = depthwise.DepthwiseRule()
_within = pooling.WithinChannelRule()
_global = pooling.GlobalPoolingRule()

RULES: dict[str, Rule] = _table([
    ("InputLayer", barrier.SourceRule()),
    ("Dense", dense.DenseRule()),
    ("Conv1D", _convolution),
    ("Conv2D", _convolution),
    ("Conv3D", _convolution),
    ("DepthwiseConv1D", _depthwise),
    ("DepthwiseConv2D", _depthwise),
    ("BatchNormalization", normalization.BatchNormalizationRule()),
    ("Activation", _elementwise),
    ("ReLU", _elementwise),
    ("LeakyReLU", _elementwise),
    ("ELU", _elementwise),
    ("ThresholdedReLU", _elementwise),
    ("Softmax", activation.SoftmaxRule()),
    ("PReLU", activation.PReLURule()),
    ("Dropout", _elementwise),
    ("SpatialDropout1D", _elementwise),
    ("SpatialDropout2D", _elementwise),
    ("SpatialDropout3D", _elementwise),
    ("AlphaDropout", _elementwise),
    ("GaussianDropout", _elementwise),
    ("GaussianNoise", _elementwise),
    ("ActivityRegularization", _elementwise),
    ("Rescaling", activation.PerChannelOptionRule("scale", "offset")),
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
    ("Flatten", reshaping.FlattenRule()),
    ("Reshape", reshaping.ReshapeRule()),
    ("Permute", reshaping.PermuteRule()),
    ("RepeatVector", reshaping.RepeatVectorRule()),
])

_LAMBDA = barrier.BarrierRule("runs code that cannot be read")
_UNKNOWN = barrier.BarrierRule("is a layer without a pruning rule (see edgeprune.register_rule)")
_registered: dict[str, Rule] = {}


def register_rule(kind: str, rule: Rule) -> None:
    """Teaches edgeprune a layer of your own.

    Args:
        kind: the layer's class name.
        rule: see `edgeprune.layers.rule.Rule`; the rules of this package are examples.

    Raises:
        InputError: there is a rule for that name.
    """
    if kind in RULES or kind in _registered:
        raise InputError(f"There is a pruning rule for {kind}.", way_out="Give your layer class another name.")
    _registered[kind] = rule


def rule_for(layer: Layer) -> Rule:
    """The rule of a layer; a barrier where there is none."""
    if layer.kind == "Lambda":
        return _LAMBDA
    built_in = layer.module.split(".")[0] in ("keras", "tf_keras")
    return (RULES if built_in else _registered).get(layer.kind, _UNKNOWN)
