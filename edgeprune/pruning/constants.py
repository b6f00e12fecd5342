"""Which neurons are constant, tensor by tensor: what they are cannot depend on the model's input.

That follows from exact zeros alone, never from sums or samples: every weight from a varying neuron
is zero, or a batch norm's gamma is. What the constant is, is read off one run of the model, which
gives it through any activation.

Where a model leaves sizes open, that run is at one size of many, and must be right for all of them.
So a constant counts there only while it is the same everywhere, and before zero padding, which may
have a border at another size, only while it is 0: by induction, then, it is the same at every size.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.graph import channels as channel_ids
from edgeprune.layers import (
    activation,
    application_layers,
    barrier,
    convolution,
    convolution_transpose,
    dense,
    depthwise,
    einsum_dense,
    embedding,
    merging,
    normalization,
    operation_elementwise,
    operation_shaping,
    operation_slicing,
    pooling,
    reshaping,
    rule_for,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.graph.channels import ChannelIds
    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.graph.flow import CallView, Flow, LinearRead
    from edgeprune.graph.model_graph import Tensor

MEETING = (merging.ElementwiseMergeRule, operation_elementwise.ElementwiseOperationRule)
JOINING = (
    merging.ConcatenateRule, operation_shaping.JoinRule, operation_shaping.StackRule, steps.UnfoldStepsRule,
)
PASSING = (
    *MEETING,
    *JOINING,
    activation.ElementwiseRule,
    activation.SoftmaxRule,
    activation.PReLURule,
    activation.PerChannelOptionRule,
    application_layers.LayerScaleRule,
    barrier.SourceRule,
    depthwise.DepthwiseRule,
    normalization.BatchNormalizationRule,
    operation_shaping.ReshapeOperationRule,
    operation_shaping.SplitRule,
    operation_shaping.ToShapeRule,
    operation_shaping.TransposeRule,
    operation_shaping.UnstackRule,
    operation_shaping.WithinAxesRule,
    operation_slicing.GetItemRule,
    pooling.GlobalPoolingRule,
    pooling.WithinChannelRule,
    reshaping.FlattenRule,
    reshaping.PermuteRule,
    reshaping.RepeatVectorRule,
    reshaping.ReshapeRule,
    steps.FoldStepsRule,
)
"""Rules under which a channel's output depends on that channel's inputs alone."""

SCALING = (
    application_layers.LayerScaleRule, depthwise.DepthwiseRule, normalization.BatchNormalizationRule,
)
"""Of these, the ones whose first weight multiplies the unit: zero there makes it constant."""

LINEAR = (
    dense.DenseRule, convolution.ConvolutionRule, convolution_transpose.ConvolutionTransposeRule,
    einsum_dense.EinsumDenseRule,
)
"""Rules whose channels depend on one kernel's columns."""

BY_SIZE = frozenset({"Softmax", "Resizing", "Resize"})
"""Layers that may give another value at another size: a share of 1, bars at the sides."""

@dataclasses.dataclass(frozen=True)
class ChannelRange:
    """Of one tensor, for each channel number.

    Attributes:
        constant: cannot depend on the model's input.
        low: smallest value seen.
        high: largest value seen.
    """

    constant: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def nothing(cls, count: int) -> ChannelRange:
        """Of a tensor that anything may be in."""
        return cls(np.zeros(count, bool), np.full(count, -np.inf), np.full(count, np.inf))

    def also(self, other: ChannelRange) -> ChannelRange:
        """Of two tensors that one layer is called on."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return ChannelRange(self.constant & other.constant, low, high)

    @property
    def zero(self) -> np.ndarray:
        """Constant and 0."""
        return np.asarray(self.uniform & (self.low == 0))

    @property
    def uniform(self) -> np.ndarray:
        """Constant and the same at every position."""
        return np.asarray(self.constant & (self.low == self.high))


class ConstantPropagation:
    """Collects what is known of each tensor while the model runs once."""

    def __init__(self, dependencies: DependencyGraph, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
        self.dependencies = dependencies
        self.weights = weights
        self.known: dict[int, ChannelRange] = {}

    def see(self, number: int, outputs: Sequence[np.ndarray]) -> None:
        """Takes in the outputs of call `number`."""
        view, flow = self.dependencies.views[number], self.dependencies.flows[number]
        constants = self._constants(view, flow)
        for tensor, ids, value in zip(view.call.outputs, flow.outputs, outputs, strict=True):
            numbers = self.dependencies.channel_of[channel_ids.collapse(ids)]
            present = np.zeros(self.dependencies.count, bool)
            present[numbers] = True
            present[0] = False
            low, high = _range(numbers, value, self.dependencies.count)
            if _leaves_sizes_open(view):
                present &= (low == high) & (view.layer.kind not in BY_SIZE)
            self.known[tensor.index] = ChannelRange(constants & present, low, high)

    def _constants(self, view: CallView, flow: Flow) -> np.ndarray:
        """Which channels' outputs cannot depend on the input."""
        if not any(ids.any() for ids in flow.outputs):  # as of a layer with more weights than its rule knows
            return np.zeros(self.dependencies.count, bool)
        rule = rule_for(view.layer)
        weights = self.weights.get(view.layer.path, ())
        if isinstance(rule, embedding.EmbeddingRule):
            table = weights[0]
            return self._of_elements(flow.sizes["output_dim"], (table == table[:1]).all(axis=0))
        if isinstance(rule, LINEAR) and len(flow.reads) == 1:
            return self._of_columns(view, flow, flow.reads[0], weights)
        if isinstance(rule, PASSING):
            through = self._through(view, joining=isinstance(rule, JOINING))
            return through | self._scaled_away(view, flow, weights) if isinstance(rule, SCALING) else through
        return np.zeros(self.dependencies.count, bool)

    def _through(self, view: CallView, *, joining: bool) -> np.ndarray:
        """Constant in every input; a joining layer's channel only in those that have it."""
        total = np.ones(self.dependencies.count, bool)
        for tensor, ids in zip(view.call.inputs, view.inputs, strict=True):
            constant = self._given(view, tensor)
            if joining:
                present = np.zeros(self.dependencies.count, bool)
                present[self.dependencies.channel_of[channel_ids.collapse(ids)]] = True
                constant = constant | ~present
            total &= constant
        return total & bool(view.inputs)

    def _given(self, view: CallView, tensor: Tensor) -> np.ndarray:
        """Which channels of an input stay constant under the call, whatever its size."""
        known = self.known.get(tensor.index)
        if known is None:
            return np.zeros(self.dependencies.count, bool)
        may_have_border = view.option("padding", "valid") != "valid" and _leaves_sizes_open(view)
        return known.zero if may_have_border else known.constant

    def _scaled_away(self, view: CallView, flow: Flow, weights: Sequence[np.ndarray]) -> np.ndarray:
        """Units whose factor is zero: gamma of a batch norm, a depthwise kernel."""
        if view.layer.kind == "BatchNormalization" and "gamma" not in view.layer.weight_names:
            return np.zeros(self.dependencies.count, bool)
        factors, axes = weights[0], flow.weights[0].axes
        for place, line in enumerate(axes):
            if line is not None:
                others = tuple(at for at in range(factors.ndim) if at != place)
                return self._of_elements(line, (factors == 0).all(axis=others))
        return np.zeros(self.dependencies.count, bool)

    def _of_columns(
        self, view: CallView, flow: Flow, read: LinearRead, weights: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Columns of a kernel that are zero in every row which is not constant."""
        axes = flow.weights[read.kernel].axes
        columns = [axis for axis, ids in enumerate(axes) if ids is not None and axis not in read.rows]
        made = axes[columns[0]] if len(columns) == 1 else None
        if made is None:
            return np.zeros(self.dependencies.count, bool)
        kernel = weights[read.kernel]
        rows = axes[read.rows[-1]]
        varies = np.ones(kernel.shape[read.rows[-1]], bool)
        if rows is not None:
            varies = ~self._given(view, view.call.inputs[read.source])[self.dependencies.channel_of[rows]]
        live = np.compress(varies, kernel, axis=read.rows[-1]) != 0
        others = tuple(axis for axis in range(kernel.ndim) if axis != columns[0])
        return self._of_elements(made, ~live.any(axis=others))

    def _of_elements(self, ids: ChannelIds, holds: np.ndarray) -> np.ndarray:
        """From elements of a vector to units: all of a channel's elements."""
        numbers = self.dependencies.channel_of[ids]
        broken = np.zeros(self.dependencies.count, bool)
        broken[numbers[~holds]] = True
        present = np.zeros(self.dependencies.count, bool)
        present[numbers] = True
        return present & ~broken


def _leaves_sizes_open(view: CallView) -> bool:
    """Whether an axis that goes in or comes out, other than the batch, has no size of its own."""
    return any(None in tensor.shape[1:] for tensor in (*view.call.inputs, *view.call.outputs))


def _range(numbers: np.ndarray, value: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each channel; `numbers` broadcasts against `value`."""
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    if value.dtype.kind not in "fiu" or value.ndim != numbers.ndim:
        return low, high
    others = tuple(axis for axis, size in enumerate(numbers.shape) if size == 1)
    np.minimum.at(low, numbers, value.min(axis=others, keepdims=True))
    np.maximum.at(high, numbers, value.max(axis=others, keepdims=True))
    return low, high
