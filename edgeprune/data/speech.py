"""Recordings to a `Dataset`: clips of one length, log-mel or MFCC features, and a stream's hop.

    raw clips (N, samples) int16 --pcm_to_float, log_mel (, mfcc), standardize--> (N, frames, bands)

Mean and deviation of the features come from the training clips alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune import preprocessing
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.splits import NAMES
from edgeprune.data.streamed import Array, Streamed
from edgeprune.preprocessing import Step
from edgeprune.types import OutputTask, StreamInfo

_STATISTICS = 4096
HOP_MS = 250  # how often a stream is classified

_CLASSES = OutputTask("classes", ("accuracy", "f1_macro"))
_WORDS = OutputTask("sequence", ("word_error_rate",))


def front_end(
    sample_rate: int, *, bands: int = 40, coefficients: int | None = None, floor: float = 1e-3
) -> tuple[Step, ...]:
    """Steps to log-mel features (or MFCCs) of 32 ms frames, one every 20 ms.

    The floor of 1e-3 is about 60 dB below speech: what is quieter is noise that only spreads the
    range an int8 input has to cover.
    """
    mel = {
        "op": "log_mel", "sample_rate": sample_rate, "frame_length": sample_rate * 32 // 1000,
        "frame_step": sample_rate // 50, "mel_bands": bands, "lower_hz": 60.0,
        "upper_hz": min(7600.0, sample_rate / 2 - 100), "floor": floor,
    }
    steps: tuple[Step, ...] = ({"op": "pcm_to_float"}, mel)
    return steps if coefficients is None else (*steps, {"op": "mfcc", "coefficients": coefficients})


def standardized(steps: Sequence[Step], clips: Array) -> tuple[Step, ...]:
    """`steps` and one more, which gives every band of the features of `clips` mean 0 and deviation 1.

    Of streamed clips every n-th is read, `_STATISTICS` or up to twice as many in all.
    """
    if isinstance(clips, Streamed):
        clips = clips[:: max(1, len(clips) // _STATISTICS)]
    features = preprocessing.apply(steps, clips)
    mean, std = features.mean(axis=(0, 1)), np.maximum(features.std(axis=(0, 1)), 1e-3)
    rounded = {"mean": [round(float(m), 5) for m in mean], "std": [round(float(s), 5) for s in std]}
    return (*steps, {"op": "standardize", **rounded})


def clips_dataset(
    splits: Mapping[str, tuple[Array, np.ndarray]], labels: Sequence[str], sample_rate: int, *,
    steps: Sequence[Step] | None = None, name: str = "", source: str = "", licence: str = "",
    synthetic: bool = False, noise: tuple[np.ndarray, ...] = (),
) -> Dataset:
    """A `Dataset` of clips (N, samples) int16 with y (N,), or (N, L) padded with -1 for word strings."""
    clips, y = splits["train"]
    steps = standardized(front_end(sample_rate), clips) if steps is None else steps
    train, validation, test = (Split(*splits[part]) for part in NAMES)
    return Dataset(
        "speech", train, validation, test, preprocessing=tuple(steps), labels=tuple(labels),
        tasks=(dataclasses.replace(_WORDS if y.ndim == 2 else _CLASSES, classes=tuple(labels)),),
        stream=StreamInfo(sample_rate, clips.shape[1], sample_rate * HOP_MS // 1000),
        name=name, source=source, licence=licence, synthetic=synthetic, noise=noise,
    )


def join_words(
    clips: Sequence[np.ndarray], y: np.ndarray, *,
    count: int, samples: int, gap: int, words: tuple[int, int], seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Strings of `words` (fewest, most) words: int16 recordings joined with pauses of up to `gap` samples.

    Words that no longer fit into `samples` are left out. Gives audio (count, samples) int16 and class
    numbers (count, most words), -1 after the last word.
    """
    rng = np.random.default_rng(seed)
    audio = np.zeros((count, samples), np.int16)
    labels = np.full((count, words[1]), -1, np.int64)
    for row in range(count):
        position = int(rng.integers(0, gap))
        for place in range(rng.integers(words[0], words[1] + 1)):
            pick = int(rng.integers(len(clips)))
            end = position + len(clips[pick])
            if end > samples:
                break
            audio[row, position:end] = clips[pick]
            labels[row, place] = y[pick]
            position = end + int(rng.integers(0, gap))
    return audio, labels
