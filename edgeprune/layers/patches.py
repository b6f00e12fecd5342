"""What a convolution reads: the patches under some of its output positions, as rows of a matrix.

    x (N, *space, channels)  →  X (positions, window · channels),   output = X · kernel + bias

Padding reads zeros. A transposed convolution reads, at each output position, the inputs whose taps
fall on it: tap k at output o reads input (o + before - k·dilation) / stride, where that is whole.
"""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Window:
    """Geometry of a convolution, as Keras has it; each tuple has one entry for each space axis."""

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
        over = [max(self.reach(axis) - step, 0) for axis, step in enumerate(self.strides)]
        sizes = [size * step for size, step in zip(space, self.strides, strict=True)]
        if self.padding == "valid":
            return [0] * len(sizes), [size + more for size, more in zip(sizes, over, strict=True)]
        return [more // 2 for more in over], sizes


def patches(x: np.ndarray, generator: np.random.Generator, number: int, *, window: Window) -> np.ndarray:
    """Draws what `number` random output positions of a convolution of x read, with repetition.

    Positions depend on the generator, N and the space alone; columns follow the order of the kernel's axes.
    """
    x = channels_last(x, window)
    before, sizes = window.geometry(x.shape[1:-1])

    def read_by(corners: np.ndarray, axis: int, tap: int) -> np.ndarray:
        return corners * window.strides[axis] + tap * window.dilation[axis] - before[axis]

    return _drawn(x, generator, number, window, sizes, read_by)


def transposed_patches(
    x: np.ndarray, generator: np.random.Generator, number: int, *, window: Window
) -> np.ndarray:
    """As `patches`, for a transposed convolution."""
    x = channels_last(x, window)
    before, sizes = window.transposed_geometry(x.shape[1:-1])

    def read_by(corners: np.ndarray, axis: int, tap: int) -> np.ndarray:
        place, rest = np.divmod(corners + before[axis] - tap * window.dilation[axis], window.strides[axis])
        return np.where(rest == 0, place, -1)  # nothing falls on it

    return _drawn(x, generator, number, window, sizes, read_by)


def channels_last(x: np.ndarray, window: Window) -> np.ndarray:
    """(N, *space, channels), whichever way the model keeps it."""
    return np.moveaxis(x, 1, -1) if window.channels_first else x


def _drawn(
    x: np.ndarray, generator: np.random.Generator, number: int, window: Window, sizes: list[int],
    read_by: Callable[[np.ndarray, int, int], np.ndarray],
) -> np.ndarray:
    """Patches at random positions; `read_by` says where a tap reads along an axis, zeros outside of x."""
    samples = generator.integers(len(x), size=number)
    corners = [generator.integers(size, size=number) for size in sizes]
    taps = np.empty((number, int(np.prod(window.size)), x.shape[-1]), x.dtype)
    for place, tap in enumerate(np.ndindex(*window.size)):
        inside, clipped = np.ones(number, bool), []
        for axis, (corner, size) in enumerate(zip(corners, x.shape[1:-1], strict=True)):
            places = read_by(corner, axis, tap[axis])
            inside &= (places >= 0) & (places < size)
            clipped.append(np.clip(places, 0, size - 1))
        index = (samples, *clipped)
        taps[:, place] = np.where(inside[:, None], x[index], np.zeros((), x.dtype))
    return taps.reshape(number, -1)
