"""Finds neurons that can never change an output.

    constant    the same value whatever the input is, and 0, or taken into its readers' biases as
                value · weights
    unread      every weight that reads it is zero (up to neurons that go themselves)
    duplicate   all of its weights equal another's; its readers' weights are added to the other's

Zero padding is respected: a padded convolution sees zeros at the border, so only the value 0 looks
uniform to it. Statistics over channels (LayerNormalization, …) see every channel: channels under them
stay, and so do those that a rule without reads consumes.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.graph import channels as channel_ids
from edgeprune.layers import (
    activation,
    convolution,
    dense,
    einsum_dense,
    embedding,
    operation_elementwise,
    operation_shaping,
    operation_slicing,
    rule_for,
    separable,
)
from edgeprune.pruning.constants import LINEAR, PASSING, ChannelRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.graph.flow import CallView, Flow, LinearRead
    from edgeprune.pruning.constants import ConstantPropagation

Weights = dict[str, list[np.ndarray]]

READING = (*LINEAR, separable.SeparableConvolutionRule)
"""Rules all of whose inputs are read by kernels that their reads name, where a call has any."""

MAKING = (*READING, embedding.EmbeddingRule)
"""Rules whose channels may go."""

UNLIKE_CHANNELS = (
    activation.PerChannelOptionRule,
    operation_elementwise.ElementwiseOperationRule,
    operation_slicing.GetItemRule,
    operation_shaping.SplitRule,
)
"""Rules that may treat one channel unlike another without a weight that shows it: no duplicates."""


@dataclasses.dataclass(frozen=True)
class Findings:
    """What can go without a change.

    Attributes:
        keep: for each channel number, whether it stays.
        reasons: channel number to ``"constant"``, ``"unread"`` or ``"duplicate"``.
        weights: layer path to its weights at full size, where they changed.
        biases: layers without a bias that need one now; it comes last in `weights`.
    """

    keep: np.ndarray
    reasons: Mapping[int, str]
    weights: Mapping[str, Sequence[np.ndarray]]
    biases: frozenset[str]


def find(watcher: ConstantPropagation) -> Findings:
    """Decides what can go, from what was seen in one run.

    Postcondition: every layer keeps at least one channel.
    """
    dependencies = watcher.dependencies
    candidates = _candidates(dependencies)
    gone = _removable(watcher, candidates)
    ever = {
        unit for known in watcher.known.values() for unit in np.flatnonzero(known.uniform & gone).tolist()
    }
    reasons = {unit: "constant" if unit in ever else "unread" for unit in np.flatnonzero(gone).tolist()}
    weights: Weights = {path: list(arrays) for path, arrays in watcher.weights.items()}
    biases = _fold(watcher, gone, weights)
    for first, others in _duplicates(watcher, candidates & ~gone):
        for other in others:
            _add_rows(dependencies, weights, first, other)
            gone[other] = True
            reasons[other] = "duplicate"
    old = watcher.weights
    changed = {
        path: arrays
        for path, arrays in weights.items()
        if any(a is not b for a, b in zip(arrays, old[path], strict=False)) or path in biases
    }
    return Findings(~gone, reasons, changed, biases)


def _candidates(dependencies: DependencyGraph) -> np.ndarray:
    """Units that only layers with known readings make and see."""
    candidates = np.zeros(dependencies.count, bool)
    for group in dependencies.groups:
        candidates[group.channels] = True
    for view, flow in zip(dependencies.views, dependencies.flows, strict=True):
        rule = rule_for(view.layer)
        if not (isinstance(rule, PASSING) or (isinstance(rule, READING) and flow.reads)):
            for ids in view.inputs:
                candidates[dependencies.channel_of[channel_ids.collapse(ids)]] = False
        grouped = isinstance(rule, convolution.ConvolutionRule) and not flow.reads
        if grouped or not isinstance(rule, (*PASSING, *MAKING)):
            axes = [axis for one in flow.weights for axis in one.axes if axis is not None]
            for ids in (*flow.outputs, *axes):
                candidates[dependencies.channel_of[channel_ids.collapse(ids)]] = False
    return candidates


def _removable(watcher: ConstantPropagation, candidates: np.ndarray) -> np.ndarray:
    """Candidates whose every reader lets them go; every producer keeps one."""
    dependencies = watcher.dependencies
    candidates = candidates.copy()
    sources = _sources(watcher)
    while True:
        gone = np.zeros(dependencies.count, bool)
        while True:
            now = candidates.copy()
            for view, flow, read in _reads(dependencies):
                known = sources[view.layer.path, read.kernel]
                now &= ~_needed(watcher, view, flow, read, known, gone)
            if (now == gone).all():
                break
            gone = now
        empty = [group.channels[0] for group in dependencies.groups if gone[group.channels].all()]
        if not empty:
            return gone
        candidates[empty] = False


def _reads(dependencies: DependencyGraph) -> Iterator[tuple[CallView, Flow, LinearRead]]:
    for view, flow in zip(dependencies.views, dependencies.flows, strict=True):
        for read in flow.reads:
            yield view, flow, read


def _sources(watcher: ConstantPropagation) -> dict[tuple[str, int], ChannelRange]:
    """What is known of all that a kernel reads; a shared layer's, over all of its calls."""
    found: dict[tuple[str, int], ChannelRange] = {}
    for view, _, read in _reads(watcher.dependencies):
        key = view.layer.path, read.kernel
        known = watcher.known.get(view.call.inputs[read.source].index) or ChannelRange.nothing(
            watcher.dependencies.count
        )
        found[key] = found[key].also(known) if key in found else known
    return found


def _needed(
    watcher: ConstantPropagation,
    view: CallView,
    flow: Flow,
    read: LinearRead,
    known: ChannelRange,
    gone: np.ndarray,
) -> np.ndarray:
    """Units that a kernel reads with weights that matter, and that cannot be folded."""
    dependencies = watcher.dependencies
    axes = flow.weights[read.kernel].axes
    rows = axes[read.rows[-1]]
    needed = np.zeros(dependencies.count, bool)
    if rows is None:
        return needed
    kernel = watcher.weights[view.layer.path][read.kernel]
    for axis, ids in enumerate(axes):
        if ids is not None and axis not in read.rows:
            kernel = np.compress(~gone[dependencies.channel_of[ids]], kernel, axis=axis)
    others = tuple(axis for axis in range(kernel.ndim) if axis != read.rows[-1])
    numbers = dependencies.channel_of[rows]
    needed[numbers[(kernel != 0).any(axis=others)]] = True
    return np.asarray(needed & ~(known.uniform if _folds(view, read) else known.zero))


def _folds(view: CallView, read: LinearRead) -> bool:
    """Whether a constant input adds the same to every output: no border, and a bias to take it."""
    rule = rule_for(view.layer)
    plain = isinstance(rule, dense.DenseRule) or (
        isinstance(rule, convolution.ConvolutionRule) and view.option("padding", "valid") == "valid"
    )
    if plain or not isinstance(rule, einsum_dense.EinsumDenseRule) or read.bias is None:
        return plain
    sizes = enumerate(view.layer.weight_shapes[read.kernel])
    return view.layer.weight_shapes[read.bias] == tuple(n for axis, n in sizes if axis not in read.rows)


def _fold(watcher: ConstantPropagation, gone: np.ndarray, weights: Weights) -> frozenset[str]:
    """Adds what constants contribute to their readers' biases; layers that had none come back."""
    channels, sources = watcher.dependencies, _sources(watcher)
    done: set[str] = set()
    biases: set[str] = set()
    for view, flow, read in _reads(channels):
        path = view.layer.path
        rows = flow.weights[read.kernel].axes[read.rows[-1]]
        known = sources[path, read.kernel]
        if rows is None or path in done or not _folds(view, read):
            continue
        numbers = channels.channel_of[rows]
        chosen = (gone & known.uniform & ~known.zero)[numbers]
        if not chosen.any():
            continue
        done.add(path)
        kernel = watcher.weights[path][read.kernel]
        shape = [1] * kernel.ndim
        shape[read.rows[-1]] = -1
        values = np.where(chosen, known.low[numbers], 0).reshape(shape)
        shift = (kernel.astype(np.float64) * values).sum(axis=read.rows)
        if read.bias is None:
            biases.add(path)
            weights[path].append(shift.astype(kernel.dtype))
        else:
            weights[path][read.bias] = (weights[path][read.bias] + shift).astype(kernel.dtype)
    return frozenset(biases)


def _duplicates(watcher: ConstantPropagation, candidates: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """A channel, and those that always equal it."""
    dependencies = watcher.dependencies
    for view, flow in zip(dependencies.views, dependencies.flows, strict=True):
        if isinstance(rule_for(view.layer), UNLIKE_CHANNELS):
            for ids in (*view.inputs, *flow.outputs):
                candidates[dependencies.channel_of[channel_ids.collapse(ids)]] = False
    alike = collections.defaultdict(list)
    for unit, signature in _signatures(watcher, candidates).items():
        alike[signature].append(unit)
    for first, *others in alike.values():
        if others:
            yield first, others


def _signatures(watcher: ConstantPropagation, candidates: np.ndarray) -> dict[int, bytes]:
    """For each candidate a digest of all weights that decide over its value, and of where it is read."""
    dependencies = watcher.dependencies
    read_axes = {(view.layer.path, read.kernel, read.rows[-1]) for view, _, read in _reads(dependencies)}
    digests = {unit: hashlib.sha256() for unit in np.flatnonzero(candidates).tolist()}
    weight_axes = (
        (path, index, axis, ids)
        for path, flows in dependencies.layer_flows.items()
        for index, weight in enumerate(flows)
        for axis, ids in enumerate(weight.axes)
        if ids is not None
    )
    for path, index, axis, ids in weight_axes:
        tag = f"{path} {index} {axis}".encode()
        is_read = (path, index, axis) in read_axes
        slices = np.ascontiguousarray(np.moveaxis(watcher.weights[path][index], axis, 0))
        for place, unit in enumerate(dependencies.channel_of[ids].tolist()):
            if unit in digests:
                digests[unit].update(tag if is_read else tag + slices[place].tobytes())
    return {unit: digest.digest() for unit, digest in digests.items()}


def _add_rows(dependencies: DependencyGraph, weights: Weights, first: int, other: int) -> None:
    """Adds what reads `other` to what reads `first`, row by row; each kernel once."""
    done = set()
    for view, flow, read in _reads(dependencies):
        rows = flow.weights[read.kernel].axes[read.rows[-1]]
        if rows is None or (view.layer.path, read.kernel) in done:
            continue
        done.add((view.layer.path, read.kernel))
        numbers = dependencies.channel_of[rows]
        into, out_of = np.flatnonzero(numbers == first), np.flatnonzero(numbers == other)
        if into.size:
            moved = np.moveaxis(weights[view.layer.path][read.kernel].copy(), read.rows[-1], 0)
            moved[into] += moved[out_of]
            weights[view.layer.path][read.kernel] = np.moveaxis(moved, 0, read.rows[-1])
