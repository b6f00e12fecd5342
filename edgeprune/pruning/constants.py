"""Constant propagation: which channels cannot depend on the model's input, tensor by tensor.

That follows from exact zeros alone, never from sums or samples: every weight from a varying channel is zero,
or a batch norm's gamma is. What the constant is, one run of the model shows, through any activation.

Where a model leaves sizes open, that run is at one size of many, and must be right for all of them.
So a constant counts there only while it is the same everywhere, and before zero padding, which may
have a border at another size, only while it is 0: by induction, then, it is the same at every size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.graph import CallView, ChannelIds, DependencyGraph, Flow, Tensor, channel_ids
from edgeprune.layers import rule_for


@dataclasses.dataclass(frozen=True)
class ChannelRange:
    """For each channel of a tensor: whether it cannot depend on the model's input, and what one run showed.

    That is its smallest and its largest value.
    """

    constant: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def nothing(cls, count: int) -> ChannelRange:
        """Of a tensor that anything may be in."""
        return cls(np.zeros(count, bool), np.full(count, -np.inf), np.full(count, np.inf))

    def joined(self, other: ChannelRange) -> ChannelRange:
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
    """Collects the `ranges` of each tensor's channels, by tensor index, while the model runs once."""

    def __init__(self, dependencies: DependencyGraph, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
        self.dependencies = dependencies
        self.weights = weights
        self.ranges: dict[int, ChannelRange] = {}

    def record(self, number: int, outputs: Sequence[np.ndarray]) -> None:
        """Takes in the outputs of call `number`."""
        view, flow = self.dependencies.views[number], self.dependencies.flows[number]
        constants = self._constants(view, flow)
        for tensor, ids, value in zip(view.call.outputs, flow.outputs, outputs, strict=True):
            numbers = self.dependencies.channel_of[channel_ids.collapse(ids)]
            present = self.dependencies.marks([ids])
            present[0] = False
            low, high = _range(numbers, value, self.dependencies.count)
            if _leaves_sizes_open(view):
                present &= (low == high) & (not rule_for(view.layer).depends_on_size)
            self.ranges[tensor.index] = ChannelRange(constants & present, low, high)

    def _constants(self, view: CallView, flow: Flow) -> np.ndarray:
        """Which channels' outputs cannot depend on the input."""
        constant = np.zeros(self.dependencies.count, bool)
        if not any(ids.any() for ids in flow.outputs):  # as of a layer with more weights than its rule knows
            return constant
        rule = rule_for(view.layer)
        weights = self.weights.get(view.layer.path, ())
        if rule.reads_are_complete and flow.reads:
            constant = self._of_columns(view, flow, weights)
        elif rule.channelwise:
            constant = self._through(view, joining=rule.joins)
        found = rule.constant_elements(view.layer, flow, weights)
        return constant if found is None else constant | self._of_elements(*found)

    def _through(self, view: CallView, *, joining: bool) -> np.ndarray:
        """Constant in every input; a joining layer's channel only in those that have it."""
        total = np.ones(self.dependencies.count, bool)
        for tensor, ids in zip(view.call.inputs, view.inputs, strict=True):
            constant = self._given(view, tensor)
            if joining:
                constant = constant | ~self.dependencies.marks([ids])
            total &= constant
        return total & bool(view.inputs)

    def _given(self, view: CallView, tensor: Tensor) -> np.ndarray:
        """Which channels of an input stay constant under the call, whatever its size."""
        seen = self.ranges.get(tensor.index)
        if seen is None:
            return np.zeros(self.dependencies.count, bool)
        may_have_border = view.option("padding", "valid") != "valid" and _leaves_sizes_open(view)
        return seen.zero if may_have_border else seen.constant

    def _of_columns(self, view: CallView, flow: Flow, weights: Sequence[np.ndarray]) -> np.ndarray:
        """Channels whose columns of every kernel are zero in each row that is not constant."""
        total = np.ones(self.dependencies.count, bool)
        for read in flow.reads:
            axes = flow.weights[read.kernel].axes
            columns = [axis for axis, ids in enumerate(axes) if ids is not None and axis not in read.rows]
            made = axes[columns[0]] if len(columns) == 1 else None
            if made is None:
                return np.zeros(self.dependencies.count, bool)
            kernel, rows = weights[read.kernel], axes[read.rows[-1]]
            varies = np.ones(kernel.shape[read.rows[-1]], bool)
            if rows is not None:
                varies = ~self._given(view, view.call.inputs[read.source])[self.dependencies.channel_of[rows]]
            live = np.compress(varies, kernel, axis=read.rows[-1]) != 0
            others = tuple(axis for axis in range(kernel.ndim) if axis != columns[0])
            total &= self._of_elements(made, ~live.any(axis=others))
        return total

    def _of_elements(self, ids: ChannelIds, holds: np.ndarray) -> np.ndarray:
        """From elements of a vector to channels: all of a channel's elements."""
        return np.asarray(self.dependencies.marks([ids]) & ~self.dependencies.marks([ids[~holds]]))


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
