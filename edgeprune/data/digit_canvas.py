"""Several real MNIST digits on a canvas: the default data of segmentation and detection.

    28 x 28 digits  --made smaller, placed-->  canvas (H, W, 1) uint8, mask (H, W) and boxes (M, 5)

Each split has digits of its own: those of the vision data's split. Training sees each of its few thousand
several times, turned, sheared and stretched a little every time, or a model would learn them by heart. Those
of validation and test are as people wrote them. A mask has 0 for background and
1 + the digit where ink is. A box is class, ymin, xmin, ymax, xmax as fractions of the canvas, tight around
the ink; class -1 fills up. Boxes overlap by a tenth at most; the later digit covers the other there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from edgeprune import preprocessing
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.vision import digits
from edgeprune.types import OutputTask

_DIGITS = tuple("0123456789")
_INK = 64
_FEWEST, _MOST = 1, 3
_SMALLEST, _LARGEST = 24, 28  # height and width of a placed digit, with its margin
_OVERLAP = 0.1
_TURN, _SHEAR, _STRETCH = 0.25, 0.2, 0.12  # at most; the first in radians


@dataclasses.dataclass(frozen=True, eq=False)
class Canvases:
    """Pictures and all labels that they may have."""

    pictures: np.ndarray  # (N, size, size, 1) uint8
    masks: np.ndarray  # (N, size, size) int64
    boxes: np.ndarray  # (N, 3, 5) float32


def segmentation_digits(seed: int = 0) -> Dataset:
    """Canvases of 48 x 48 with a class for each pixel."""
    masks = OutputTask(
        "classes", ("mean_iou", "dice", "pixel_accuracy", "iou_per_class"), classes=("background", *_DIGITS)
    )
    return _dataset("segmentation", masks, 48, (6000, 300, 500), seed, lambda made: made.masks)


def detection_digits(seed: int = 0) -> Dataset:
    """Canvases of 64 x 64 with boxes."""
    boxes = OutputTask("boxes", ("map_50", "map_50_95", "ap_50_per_class"), classes=_DIGITS)
    return _dataset("detection", boxes, 64, (8000, 400, 600), seed, lambda made: made.boxes)


def _dataset(
    task: str, outputs: OutputTask, size: int, counts: tuple[int, int, int], seed: int,
    labels: Callable[[Canvases], np.ndarray],
) -> Dataset:
    base = digits(seed)
    drawn, splits = [], (base.train, base.validation, base.test)
    for number, (split, count) in enumerate(zip(splits, counts, strict=True)):
        generator = np.random.default_rng((seed, number))
        made = canvases(split, size, count, generator, distort=split is base.train)
        drawn.append(Split(made.pictures, labels(made)))
    train, validation, test = drawn
    return dataclasses.replace(
        base, task=task, train=train, validation=validation, test=test, labels=outputs.classes,
        tasks=(outputs,), name="mnist-5k-canvas",
        source=f"{base.source}, 1 to 3 of them placed on each canvas, turned a little for training",
    )


def canvases(
    split: Split, size: int, count: int, generator: np.random.Generator, *, distort: bool = False
) -> Canvases:
    """`count` canvases of `size` x `size` with digits of `split`, `distort`ed or as they are."""
    inks, kinds = np.asarray(split.x), np.asarray(split.labels)
    pictures = np.zeros((count, size, size, 1), np.uint8)
    masks = np.zeros((count, size, size), np.int64)
    boxes = np.full((count, _MOST, 5), -1, np.float32)
    for row in range(count):
        chosen = generator.integers(0, len(split), generator.integers(_FEWEST, _MOST + 1))
        placed = 0
        for digit in chosen:
            side = int(generator.integers(_SMALLEST, _LARGEST + 1))
            ink = _distorted(inks[digit], side, generator) if distort else _scaled(inks[digit], side)
            found = _free_place(ink, boxes[row, :placed, 1:], size, generator)
            if found is None:
                continue
            top, left, box = found
            window = slice(top, top + side), slice(left, left + side)
            pictures[row, :, :, 0][window] = np.maximum(pictures[row, :, :, 0][window], ink)
            masks[row][window][ink >= _INK] = 1 + kinds[digit]
            boxes[row, placed] = (kinds[digit], *box)
            placed += 1
    return Canvases(pictures, masks, boxes)


def _distorted(digit: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
    """(side, side) of a digit (28, 28, 1) uint8: turned, sheared and stretched about its centre, bilinear."""
    turn, shear = generator.uniform(-_TURN, _TURN), generator.uniform(-_SHEAR, _SHEAR)
    tall, wide = generator.uniform(1 - _STRETCH, 1 + _STRETCH, 2) * side / len(digit)
    cosine, sine = np.cos(turn), np.sin(turn)
    back = np.array([[cosine / tall, -sine / tall], [(sine + shear) / wide, cosine / wide]])
    there = np.indices((side, side)).reshape(2, -1) - (side - 1) / 2
    place = np.clip(back @ there + len(digit) / 2 + 0.5, 0, len(digit))  # in a frame of one pixel around it
    padded = np.pad(digit[..., 0], (1, 2)).astype(np.float32)
    row, column = place.astype(int)
    down, right = place - (row, column)
    above = padded[row, column] * (1 - right) + padded[row, column + 1] * right
    below = padded[row + 1, column] * (1 - right) + padded[row + 1, column + 1] * right
    mixed = np.rint(above * (1 - down) + below * down)
    return np.asarray(mixed.reshape(side, side), np.uint8)


def _scaled(digit: np.ndarray, side: int) -> np.ndarray:
    steps = ({"op": "resize", "height": side, "width": side},)
    return np.asarray(preprocessing.apply(steps, digit[None])[0, :, :, 0])


def _free_place(
    ink: np.ndarray, taken: np.ndarray, size: int, generator: np.random.Generator
) -> tuple[int, int, np.ndarray] | None:
    """Top, left and box of a place that overlaps no box much; None where ten draws find none."""
    rows, columns = np.nonzero(ink >= _INK)
    for _ in range(10):
        top, left = (int(one) for one in generator.integers(0, size - len(ink) + 1, 2))
        corners = [rows.min() + top, columns.min() + left, rows.max() + top + 1, columns.max() + left + 1]
        box = np.array(corners, np.float32) / size
        if not len(taken) or _overlaps(box, taken).max() <= _OVERLAP:
            return top, left, box
    return None


def _overlaps(box: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Intersections of a box with others, each a fraction of the smaller one."""
    sides = np.minimum(box[2:], taken[:, 2:]) - np.maximum(box[:2], taken[:, :2])
    areas = np.minimum((box[2:] - box[:2]).prod(), (taken[:, 2:] - taken[:, :2]).prod(axis=1))
    return np.asarray(np.maximum(sides, 0).prod(axis=1) / areas)
