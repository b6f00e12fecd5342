"""What a convolution reads: the patches under some of its output positions, as rows of a matrix.

    x (N, *space, channels)  →  X (positions, window · channels),   output = X · kernel + bias

Padding reads zeros. A transposed convolution reads, at each output position, the inputs whose taps
fall on it: tap k at output o reads input (o + before - k·dilation) / stride, where that is whole.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Window:
    """Geometry of a convolution; each tuple has one entry for each space axis.

    Attributes:
        size: kernel size.
        strides: as in Keras.
        dilation: as in Keras.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        channels_first: x is (N, channels, *space).
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str
    channels_first: bool = False

    def reach(self, axis: int) -> int:
        """How far the taps extend along one axis."""
        return (self.size[axis] - 1) * self.dilation[axis] + 1

    def geometry(self, space: tuple[int, ...]) -> tuple[list[int], list[int]]:
        """Zeros before the first element, and output positions, along each axis."""
        before, sizes = [], []
        for axis, (size, step) in enumerate(zip(space, self.strides, strict=True)):
            reach = self.reach(axis)
            if self.padding == "valid":
                before.append(0)
                sizes.append((size - reach) // step + 1)
                continue
            count = -(-size // step)
            causal = self.padding == "causal"
            total = reach - 1 if causal else max((count - 1) * step + reach - size, 0)
            before.append(total if causal else total // 2)
            sizes.append(count)
        return before, sizes

    def transposed_geometry(self, space: tuple[int, ...]) -> tuple[list[int], list[int]]:
        """The same for the transposed convolution, whose output is the larger side."""
        before, sizes = [], []
        for axis, (size, step) in enumerate(zip(space, self.strides, strict=True)):
            reach = self.reach(axis)
            if self.padding == "valid":
                before.append(0)
                sizes.append(size * step + max(reach - step, 0))
            else:
                before.append(max(reach - step, 0) // 2)
                sizes.append(size * step)
        return before, sizes


def patches(x: np.ndarray, generator: np.random.Generator, number: int, *, window: Window) -> np.ndarray:
    """Draws what `number` random output positions of a convolution read, with repetition.

    Args:
        x: (N, *space, channels).
        generator: decides the positions; they depend on N and the space alone.
        number: how many.
        window: the convolution.

    Returns:
        (n, window size · channels), in the order of the kernel's axes.
    """
    x = channels_last(x, window)
    before, sizes = window.geometry(x.shape[1:-1])
    samples, corners = _positions(x, generator, number, sizes)
    taps = []
    for tap in np.ndindex(*window.size):
        at = [
            corner * step + offset * spread - pad
            for corner, step, offset, spread, pad in zip(
                corners, window.strides, tap, window.dilation, before, strict=True
            )
        ]
        taps.append(_gather(x, samples, at, np.ones(number, bool)))
    return np.stack(taps, axis=1).reshape(number, -1)


def transposed_patches(
    x: np.ndarray, generator: np.random.Generator, number: int, *, window: Window
) -> np.ndarray:
    """As `patches`, for a transposed convolution."""
    x = channels_last(x, window)
    before, sizes = window.transposed_geometry(x.shape[1:-1])
    samples, corners = _positions(x, generator, number, sizes)
    taps = []
    for tap in np.ndindex(*window.size):
        whole = np.ones(number, bool)
        at = []
        for axis, offset in enumerate(tap):
            shifted = corners[axis] + before[axis] - offset * window.dilation[axis]
            whole &= shifted % window.strides[axis] == 0
            at.append(shifted // window.strides[axis])
        taps.append(_gather(x, samples, at, whole))
    return np.stack(taps, axis=1).reshape(number, -1)


def channels_last(x: np.ndarray, window: Window) -> np.ndarray:
    """(N, *space, channels), whichever way the model keeps it."""
    return np.moveaxis(x, 1, -1) if window.channels_first else x


def _positions(
    x: np.ndarray, generator: np.random.Generator, number: int, sizes: list[int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    samples = generator.integers(len(x), size=number)
    return samples, [generator.integers(size, size=number) for size in sizes]


def _gather(x: np.ndarray, samples: np.ndarray, at: list[np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """Values at the positions, (number, channels); zero outside of x or where not wanted."""
    inside = wanted.copy()
    for places, size in zip(at, x.shape[1:-1], strict=True):
        inside &= (places >= 0) & (places < size)
    clipped = [np.clip(places, 0, size - 1) for places, size in zip(at, x.shape[1:-1], strict=True)]
    index = (samples, *clipped)
    return np.where(inside[:, None], x[index], np.zeros((), x.dtype))
