"""Augmentations, drawn anew every epoch: on raw clips before preprocessing, or on features after it.

    raw (N, samples) int16   time_shift, background_noise, gain
    features (N, frames, bands)   spec_augment (Park et al. 2019: masks in time and in frequency)
    images (N, H, W, C)   shift_image, flip_image

Adding one = a function ``(x, rng, *, options) -> x`` and a row in `RAW` or `FEATURES`.
Streamed samples are augmented as they are read, and each time alike within an epoch: the teacher reads
them first, the student after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgeprune.data.streamed import Samples, Streamed
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step

SPEECH: tuple[Step, ...] = (
    {"op": "time_shift", "ratio": 0.08},
    {"op": "background_noise", "ratio": 0.5, "loudest": 0.003},
    {"op": "spec_augment", "frames": 5, "bands": 5},
)


def time_shift(x: np.ndarray, rng: np.random.Generator, *, ratio: float) -> np.ndarray:
    """Move each clip by up to `ratio` of its length either way; zeros fill the gap."""
    shifted, samples = np.zeros_like(x), int(x.shape[1] * ratio)
    for row, clip, by in zip(shifted, x, rng.integers(-samples, samples + 1, len(x)), strict=True):
        row[max(by, 0) : len(row) + min(by, 0)] = clip[max(-by, 0) : len(clip) + min(-by, 0)]
    return shifted


def gain(x: np.ndarray, rng: np.random.Generator, *, decibels: float) -> np.ndarray:
    """Make each clip louder or softer by up to `decibels`."""
    factor = 10 ** (rng.uniform(-decibels, decibels, (len(x), 1)) / 20)
    return _clipped(x * factor, x.dtype)


def background_noise(
    x: np.ndarray, rng: np.random.Generator, *, ratio: float, loudest: float,
    recordings: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Add noise to a `ratio` of the clips, up to `loudest` of full scale (root mean square).

    `recordings` are int16, repeated where they are shorter than a clip; without any the noise is white.
    """
    noisy = x.astype(np.float32)
    for row in np.flatnonzero(rng.random(len(x)) < ratio):
        if recordings:
            source = recordings[int(rng.integers(len(recordings)))]
            source = np.resize(source, max(len(source), x.shape[1]))
            start = int(rng.integers(0, len(source) - x.shape[1] + 1))
            noise: np.ndarray = source[start : start + x.shape[1]].astype(np.float32)
        else:
            noise = rng.normal(size=x.shape[1:])
        level = max(float(np.sqrt(np.mean(noise**2))), 1e-6)
        noisy[row] += np.multiply(noise, rng.uniform(0, loudest) * 32768 / level)
    return _clipped(noisy, x.dtype)


def _clipped(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.asarray(np.clip(x, -32768, 32767).astype(dtype))


def spec_augment(x: np.ndarray, rng: np.random.Generator, *, frames: int, bands: int) -> np.ndarray:
    """Set up to `frames` frames and `bands` bands in a row to 0, the mean of standardized features."""
    masked: np.ndarray = x.copy()
    for axis, most in ((1, frames), (2, bands)):
        size = x.shape[axis]
        width = rng.integers(0, most + 1, len(x))
        start = rng.integers(0, size, len(x))
        place = np.arange(size)[None]
        hidden = (place >= start[:, None]) & (place < (start + width)[:, None])
        masked[np.expand_dims(hidden, 2 if axis == 1 else 1) & np.ones(x.shape, bool)] = 0
    return masked


def shift_image(x: np.ndarray, rng: np.random.Generator, *, pixels: int) -> np.ndarray:
    """Move each image by up to `pixels` along both axes; the edge's background is 0."""
    padded = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), *((0, 0),) * (x.ndim - 3)))
    height, width = x.shape[1:3]
    moves = rng.integers(0, 2 * pixels + 1, (len(x), 2))
    return np.stack([
        image[down : down + height, right : right + width]
        for image, (down, right) in zip(padded, moves, strict=True)
    ])


def flip_image(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror half of the images left to right."""
    flipped: np.ndarray = x.copy()
    rows = rng.random(len(x)) < 0.5
    flipped[rows] = x[rows, :, ::-1]
    return flipped


Augmentation = Callable[..., np.ndarray]
RAW: dict[str, Augmentation] = {
    "time_shift": time_shift, "background_noise": background_noise, "gain": gain,
    "shift_image": shift_image, "flip_image": flip_image,
}
FEATURES: dict[str, Augmentation] = {"spec_augment": spec_augment}


def augment(
    x: Samples, steps: Sequence[Step], table: Mapping[str, Augmentation], rng: np.random.Generator
) -> Samples:
    """Run those of `steps` that `table` holds, in order; on streamed samples as they are read."""
    if unknown := [step["op"] for step in steps if step["op"] not in (*RAW, *FEATURES)]:
        raise InputError(
            f"The augmentation {unknown[0]!r} is not known.",
            f"Expected one of {', '.join((*RAW, *FEATURES))}.", "Correct the recipe.",
        )
    chosen = [step for step in steps if step["op"] in table]
    if not chosen:
        return x
    if isinstance(x, tuple):
        raise InputError(
            f"The samples have {len(x)} inputs.", "Augmentation takes one.", "Train without augmentation."
        )

    def run(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for step in chosen:
            options = {name: value for name, value in step.items() if name != "op"}
            samples = table[step["op"]](samples, rng, **options)
        return samples

    if not isinstance(x, Streamed):
        return run(x, rng)
    source, seed = x, int(rng.integers(2**62))

    def read(rows: np.ndarray) -> np.ndarray:
        """The same row is changed the same way each time."""
        samples = source[rows]
        return np.concatenate([
            run(samples[place : place + 1], np.random.default_rng((seed, row)))
            for place, row in enumerate(rows.tolist())
        ])

    return Streamed(len(x), read)
