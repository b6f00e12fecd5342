"""Convolutions: kernel (*window, in / groups, out), one, two or three window axes.

    groups = 1            every output reads every input unit
    groups = in           depthwise: outputs live and die with the input they read
    otherwise             every group keeps the same positions, so that groups stay equally wide
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.graph import ids as unit_ids
from edgeprune.layers.activation import fix_if_mixing
from edgeprune.layers.rule import CallView, Flow, Kept, LinearRead, WeightFlow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.graph.ids import Ids, IdSpace


class ConvolutionRule:
    """Conv1D, Conv2D, Conv3D."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Fresh units along the channel axis of the output."""
        name = view.layer.path
        axis = channel_axis(view)
        read = space.fix_unless_vector(view.inputs[0], axis, name)
        made = space.fresh(name, int(view.option("filters")))
        fix_if_mixing(view, made, space)
        groups = int(view.option("groups", 1))
        rows = self._tie_groups(read, made, groups, space)
        kernel = view.layer.weight_shapes[0]
        window: tuple[Ids | None, ...] = (None,) * (len(kernel) - 2)
        weights = [WeightFlow((*window, rows, made), reuse=positions(view, axis))]
        bias = 1 if view.option("use_bias", True) else None
        if bias:
            weights.append(WeightFlow((made,)))
        reads = () if groups > 1 or axis != len(kernel) - 1 else (self._read(view, bias),)
        return Flow((unit_ids.along(made, axis, view.output),), tuple(weights), reads)

    @staticmethod
    def _tie_groups(read: Ids, made: Ids, groups: int, space: IdSpace) -> Ids:
        """Unites what grouping ties; returns the ids along the kernel's input axis."""
        if groups == 1:
            return read
        if groups == len(read):
            space.unite(np.repeat(read, len(made) // groups), made)
            return np.zeros(1, int)
        for units in (read, made):
            by_group = units.reshape(groups, -1)
            space.unite(by_group[1:], by_group[:1])
        return read.reshape(groups, -1)[0]

    @staticmethod
    def _read(view: CallView, bias: int | None) -> LinearRead:
        rank = len(view.layer.weight_shapes[0]) - 2
        draw = functools.partial(
            patches,
            window=tuple(view.layer.weight_shapes[0][:rank]),
            strides=tuple(view.option("strides", (1,) * rank)),
            dilation=tuple(view.option("dilation_rate", (1,) * rank)),
            padding=str(view.option("padding", "valid")),
        )
        return LinearRead(source=0, kernel=0, bias=bias, rows=tuple(range(rank + 1)), samples=draw)

    def resize(self, view: CallView, flow: Flow, kept: Kept) -> Mapping[str, Any]:
        """``filters`` is what is left; a depthwise convolution has as many groups as inputs."""
        made = flow.weights[0].axes[-1]
        changed = {"filters": kept.count(made)}
        groups = int(view.option("groups", 1))
        if groups > 1 and len(made) and view.layer.weight_shapes[0][-2] == 1:
            changed["groups"] = kept.count(made) * groups // len(made)
        return changed


def channel_axis(view: CallView) -> int:
    """Where the channels of the layer's input and output are."""
    rank = len(view.output)
    return 1 if view.option("data_format") == "channels_first" else rank - 1


def positions(view: CallView, axis: int) -> int:
    """Output positions, so how often each kernel element is used."""
    sizes = unit_ids.static(view.output)
    return int(np.prod([size for other, size in enumerate(sizes) if other not in (0, axis)]))


def patches(
    x: np.ndarray,
    generator: np.random.Generator,
    number: int,
    *,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
) -> np.ndarray:
    """Draws what `number` random output positions of a convolution read.

    Args:
        x: (N, *space, channels).
        generator: decides the positions; they depend on N and the space alone.
        number: how many, with repetition.
        window: kernel size, and so on as in Keras.
        strides: as in Keras.
        dilation: as in Keras.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.

    Returns:
        (n, window size · channels), in the order of the kernel's axes.
    """
    space = x.shape[1:-1]
    before, sizes = _padding(space, window, strides, dilation, padding)
    samples = generator.integers(len(x), size=number)
    corner = [generator.integers(size, size=number) * step for size, step in zip(sizes, strides, strict=True)]
    drawn = np.empty((number, *window, x.shape[-1]), x.dtype)
    for tap in np.ndindex(*window):
        inside = np.ones(number, bool)
        index: list[np.ndarray] = [samples]
        for axis, offset in enumerate(tap):
            at = corner[axis] + offset * dilation[axis] - before[axis]
            inside &= (at >= 0) & (at < space[axis])
            index.append(np.clip(at, 0, space[axis] - 1))
        values = x[tuple(index)]
        drawn[(slice(None), *tap)] = np.where(inside[:, None], values, 0)
    return drawn.reshape(number, -1)


def _padding(
    space: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
) -> tuple[list[int], list[int]]:
    """Zeros before the first element, and output positions, along each axis."""
    before, sizes = [], []
    for size, taps, step, spread in zip(space, window, strides, dilation, strict=True):
        reach = (taps - 1) * spread + 1
        if padding == "valid":
            before.append(0)
            sizes.append((size - reach) // step + 1)
            continue
        count = -(-size // step)
        total = reach - 1 if padding == "causal" else max((count - 1) * step + reach - size, 0)
        before.append(total if padding == "causal" else total // 2)
        sizes.append(count)
    return before, sizes
