"""Pictures (N, H, W, C) of any size and channel count to what a model takes.

Both steps leave a picture alone that already fits, so that samples which were brought to size when they
were decoded and a camera's frames on the device go through the same list of steps.

    (N, H, W, C) --resize or letterbox--> (N, height, width, C) --channels--> (N, height, width, count)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.errors import InputError

_BRIGHTEST = 255


def resize(x: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Bilinear, anti-aliased: (N, H, W, C) to (N, height, width, C) of the same dtype; whole numbers round.

    The aspect ratio is not kept, as in `keras.utils.image_dataset_from_directory`. Rows first, then columns,
    each a float32 sum from the first pixel to the last: apps in other languages get the same bits.
    """
    _check(x)
    if x.shape[1:3] == (height, width):
        return x
    parts = []
    for picture in x:  # one by one: the float copy of a whole batch may be large
        tall = _weighted(picture.astype(np.float32), height)
        parts.append(_weighted(np.ascontiguousarray(tall.swapaxes(0, 1)), width).swapaxes(0, 1))
    fitted: np.ndarray = np.stack(parts) if parts else np.zeros((0, height, width, x.shape[3]), np.float32)
    if x.dtype.kind in "iu":
        limits = np.iinfo(x.dtype)
        fitted = np.clip(np.floor(fitted + 0.5), limits.min, limits.max)
    return fitted.astype(x.dtype)


def letterbox(x: np.ndarray, *, height: int, width: int, fill: int = 0) -> np.ndarray:
    """Like `resize`, but with the aspect ratio kept: bars of the value `fill` stand on both sides.

    Placed as by Ultralytics' YOLO (fill 114); `tf.image.resize_with_pad` (fill 0) rounds sizes down, so that
    the picture may be a pixel smaller there. See `letterbox_place`.
    """
    _check(x)
    if x.shape[1:3] == (height, width):
        return x
    if not 0 <= fill <= _BRIGHTEST:
        raise InputError(
            f"The bars around pictures are to have the grey {str(fill)[:20]}.",
            f"Expected 0 to {_BRIGHTEST}.", "Correct the step.",
        )
    top, left, rows, columns = letterbox_place(x.shape[1:3], (height, width))
    made = np.full((len(x), height, width, x.shape[3]), fill, x.dtype)
    made[:, top : top + rows, left : left + columns] = resize(x, height=rows, width=columns)
    return made


def letterbox_place(size: Sequence[int], wanted: Sequence[int]) -> tuple[int, int, int, int]:
    """Top, left, rows and columns of a picture of `size` (rows, columns) in the middle of `wanted` ones.

    In whole numbers, so that every language finds the same: halves are rounded up, an odd bar is smaller
    at the top and at the left.
    """
    (tall, wide), (height, width) = size, wanted
    if tall * width >= wide * height:
        rows, columns = height, max((2 * wide * height + tall) // (2 * tall), 1)
    else:
        rows, columns = max((2 * tall * width + wide) // (2 * wide), 1), width
    return (height - rows) // 2, (width - columns) // 2, rows, columns


def picture_area(size: Sequence[int], wanted: Sequence[int]) -> tuple[float, float, float, float]:
    """The same as fractions of `wanted`: ymin, xmin, ymax, xmax."""
    top, left, rows, columns = letterbox_place(size, wanted)
    height, width = wanted
    return top / height, left / width, (top + rows) / height, (left + columns) / width


def channels(x: np.ndarray, *, count: int) -> np.ndarray:
    """Colour to grey by ITU-R 601's luma (0.299 R + 0.587 G + 0.114 B), grey to colour by repetition."""
    _check(x)
    found = x.shape[3]
    if found in (1, count):
        return x if found == count else np.repeat(x, count, axis=3)
    if found == 3 and count == 1:
        if x.dtype == np.uint8:  # 16-bit fixed point, as Pillow and libjpeg do it
            luma = (x.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 0x8000) >> 16
        else:
            luma = x @ np.array([0.299, 0.587, 0.114], np.float32)
        return np.asarray(luma[..., None].astype(x.dtype))
    raise InputError(
        f"Pictures of {found} channels cannot become pictures of {count}.",
        "1 to any number, or 3 to 1, are known.", "Convert the pictures first.",
    )


def reverse_channels(x: np.ndarray) -> np.ndarray:
    """RGB to BGR, or back: (N, …, C) with the last axis reversed, as OpenCV and Caffe order colours."""
    return np.ascontiguousarray(x[..., ::-1])


def standardize_each(x: np.ndarray) -> np.ndarray:
    """Each picture by itself to mean 0 and deviation 1, in float32, as `tf.image.per_image_standardization`.

    The deviation is at least 1 / sqrt(values of a picture), so that a plain one stays finite.
    """
    flat = x.reshape(len(x), -1).astype(np.float32)
    least = 1.0 / np.sqrt(max(flat.shape[1], 1))
    # In float64: a plain picture is divided by little, which would show the rounding of a float32 mean.
    spread = np.maximum(flat.std(axis=1, keepdims=True, dtype=np.float64), least).astype(np.float32)
    mean = flat.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return np.asarray(((flat - mean) / spread).reshape(x.shape))


def _check(x: np.ndarray) -> None:
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise InputError(
            f"An array of the shape {x.shape} holds no pictures.", "Expected (N, height, width, channels).",
            "Reshape it first.",
        )


def _weighted(x: np.ndarray, wanted: int) -> np.ndarray:
    """(size, …) float32 to (wanted, …): the weighted sums of `_taps`, in their order."""
    total = np.zeros((wanted, *x.shape[1:]), np.float32)
    part = np.empty_like(total)
    for index, weights in zip(*_taps(len(x), wanted)):
        np.take(x, index, axis=0, out=part, mode="clip")
        part *= weights[:, None, None]
        total += part
    return total


@functools.lru_cache(maxsize=64)
def _taps(size: int, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels make a new one, and their float32 weights: (taps, wanted) each.

    The weights are a triangle around the new pixel's centre, wider when shrinking; they sum to 1.
    """
    scale = size / wanted
    support = max(scale, 1.0)
    centres = (np.arange(wanted) + 0.5) * scale
    first = np.maximum(np.floor(centres - support), 0).astype(np.int64)
    pixels = first + np.arange(int(2 * support) + 2)[:, None]
    weights = np.maximum(0.0, 1.0 - np.abs(pixels + 0.5 - centres) / support)
    weights[pixels >= size] = 0.0
    total = np.zeros(wanted)
    for row in weights:  # from the first to the last, which `sum` does not promise
        total += row
    used = weights.any(axis=1)
    return np.minimum(pixels, size - 1)[used], (weights / total).astype(np.float32)[used]


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "resize": resize, "letterbox": letterbox, "channels": channels, "reverse_channels": reverse_channels,
    "standardize_each": standardize_each,
}
