"""Finds channels that can never change an output.

    constant    the same value whatever the input is, and 0, or taken into its readers' biases as
                value · weights
    unread      every weight that reads it is zero (up to neurons that go themselves)
    duplicate   all of its weights equal another's; its readers' weights are added to the other's

Zero padding is respected: a padded convolution sees zeros at the border, so only the value 0 looks
uniform to it. Statistics over channels (LayerNormalization, …) see every channel: channels under them
stay, and so do those that a rule without reads consumes.
"""

import collections
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgeprune.graph import CallView, DependencyGraph, Flow, LinearRead
from edgeprune.layers import rule_for
from edgeprune.pruning.constants import ChannelRange, ConstantPropagation

Weights = dict[str, list[np.ndarray]]


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


def find_removable(run: ConstantPropagation) -> Findings:
    """Decides what can go, from what was seen in one run.

    Postcondition: every layer keeps at least one channel.
    """
    candidates = _candidates(run.dependencies)
    gone = _removable(run, candidates)
    ever = {one for seen in run.ranges.values() for one in np.flatnonzero(seen.uniform & gone).tolist()}
    reasons = {one: "constant" if one in ever else "unread" for one in np.flatnonzero(gone).tolist()}
    weights: Weights = {path: list(arrays) for path, arrays in run.weights.items()}
    biases = _fold(run, gone, weights)
    for first, others in _duplicates(run, candidates & ~gone):
        for other in others:
            _add_rows(run.dependencies, weights, first, other)
            gone[other] = True
            reasons[other] = "duplicate"
    changed = {
        path: arrays for path, arrays in weights.items()
        if any(a is not b for a, b in zip(arrays, run.weights[path], strict=False)) or path in biases
    }
    return Findings(~gone, reasons, changed, biases)


def _candidates(dependencies: DependencyGraph) -> np.ndarray:
    """Channels that are made and read by layers alone whose rules say how."""
    candidates = np.zeros(dependencies.count, bool)
    for group in dependencies.groups:
        candidates[group.channels] = True
    for view, flow in zip(dependencies.views, dependencies.flows, strict=True):
        rule = rule_for(view.layer)
        if not (rule.channelwise or (rule.reads_are_complete and flow.reads)):
            candidates &= ~dependencies.marks(view.inputs)
        if not rule.channels_may_go(view):
            axes = [axis for one in flow.weights for axis in one.axes if axis is not None]
            candidates &= ~dependencies.marks((*flow.outputs, *axes))
    return candidates


def _removable(run: ConstantPropagation, candidates: np.ndarray) -> np.ndarray:
    """Candidates whose every reader lets them go; every producer keeps one."""
    dependencies = run.dependencies
    candidates = candidates.copy()
    sources = _sources(run)
    while True:
        gone = np.zeros(dependencies.count, bool)
        while True:
            now = candidates.copy()
            for view, flow, read in _reads(dependencies):
                seen = sources[view.layer.path, read.kernel]
                now &= ~_needed(run, view, flow, read, seen, gone)
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


def _sources(run: ConstantPropagation) -> dict[tuple[str, int], ChannelRange]:
    """The ranges of all that a kernel reads; a shared layer's, over all of its calls."""
    found: dict[tuple[str, int], ChannelRange] = {}
    for view, _, read in _reads(run.dependencies):
        key = view.layer.path, read.kernel
        index = view.call.inputs[read.source].index
        seen = run.ranges.get(index) or ChannelRange.nothing(run.dependencies.count)
        found[key] = found[key].joined(seen) if key in found else seen
    return found


def _needed(
    run: ConstantPropagation, view: CallView, flow: Flow, read: LinearRead, seen: ChannelRange,
    gone: np.ndarray,
) -> np.ndarray:
    """Channels that a kernel reads with weights that matter, and that cannot be folded."""
    dependencies = run.dependencies
    axes = flow.weights[read.kernel].axes
    rows = axes[read.rows[-1]]
    needed = np.zeros(dependencies.count, bool)
    if rows is None:
        return needed
    kernel = run.weights[view.layer.path][read.kernel]
    for axis, ids in enumerate(axes):
        if ids is not None and axis not in read.rows:
            kernel = np.compress(~gone[dependencies.channel_of[ids]], kernel, axis=axis)
    others = tuple(axis for axis in range(kernel.ndim) if axis != read.rows[-1])
    numbers = dependencies.channel_of[rows]
    needed[numbers[(kernel != 0).any(axis=others)]] = True
    folds = rule_for(view.layer).folds_constants(view, read)
    return np.asarray(needed & ~(seen.uniform if folds else seen.zero))


def _fold(run: ConstantPropagation, gone: np.ndarray, weights: Weights) -> frozenset[str]:
    """Adds what constants contribute to their readers' biases; layers that had none come back."""
    dependencies, sources = run.dependencies, _sources(run)
    done: set[tuple[str, int]] = set()
    biases: set[str] = set()
    for view, flow, read in _reads(dependencies):
        path = view.layer.path
        rows = flow.weights[read.kernel].axes[read.rows[-1]]
        seen = sources[path, read.kernel]
        folds = rule_for(view.layer).folds_constants(view, read)
        if rows is None or (path, read.kernel) in done or not folds:
            continue
        numbers = dependencies.channel_of[rows]
        chosen = (gone & seen.uniform & ~seen.zero)[numbers]
        if not chosen.any():
            continue
        done.add((path, read.kernel))
        kernel = run.weights[path][read.kernel]
        shape = [1] * kernel.ndim
        shape[read.rows[-1]] = -1
        values = np.where(chosen, seen.low[numbers], 0).reshape(shape)
        shift = (kernel.astype(np.float64) * values).sum(axis=read.rows)
        if read.bias is None:
            biases.add(path)
            weights[path].append(shift.astype(kernel.dtype))
        else:
            weights[path][read.bias] = (weights[path][read.bias] + shift).astype(kernel.dtype)
    return frozenset(biases)


def _duplicates(run: ConstantPropagation, candidates: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """A channel, and those that always equal it."""
    dependencies = run.dependencies
    for view, flow in zip(dependencies.views, dependencies.flows, strict=True):
        if not rule_for(view.layer).channels_alike:
            candidates &= ~dependencies.marks((*view.inputs, *flow.outputs))
    alike = collections.defaultdict(list)
    for channel, signature in _signatures(run, candidates).items():
        alike[signature].append(channel)
    for first, *others in alike.values():
        if others:
            yield first, others


def _signatures(run: ConstantPropagation, candidates: np.ndarray) -> dict[int, bytes]:
    """For each candidate a digest of all weights that decide over its value, and of where it is read."""
    dependencies = run.dependencies
    read_axes = {(view.layer.path, read.kernel, read.rows[-1]) for view, _, read in _reads(dependencies)}
    digests = {channel: hashlib.sha256() for channel in np.flatnonzero(candidates).tolist()}
    weight_axes = (
        (path, index, axis, ids)
        for path, flows in dependencies.layer_flows.items()
        for index, weight in enumerate(flows)
        for axis, ids in enumerate(weight.axes) if ids is not None
    )
    for path, index, axis, ids in weight_axes:
        tag = f"{path} {index} {axis}".encode()
        is_read = (path, index, axis) in read_axes
        slices = np.ascontiguousarray(np.moveaxis(run.weights[path][index], axis, 0))
        for place, channel in enumerate(dependencies.channel_of[ids].tolist()):
            if channel in digests:
                digests[channel].update(tag if is_read else tag + slices[place].tobytes())
    return {channel: digest.digest() for channel, digest in digests.items()}


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
