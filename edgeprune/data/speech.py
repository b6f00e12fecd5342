"""Recordings to a `Dataset`: clips of one length, log-mel or MFCC features, and a stream's hop.

    raw clips (N, samples) int16 --pcm_to_float, log_mel (, mfcc), standardize--> (N, frames, bands)

Mean and deviation of the features come from the training clips alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgeprune import preprocessing
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import Array, Streamed
from edgeprune.types import StreamInfo

_STATISTICS = 4096


def front_end(
    sample_rate: int, *, bands: int = 40, coefficients: int | None = None, floor: float = 1e-3
) -> tuple[dict[str, Any], ...]:
    """Steps to log-mel features (or MFCCs) of 32 ms frames, one every 20 ms.

    The floor of 1e-3 is about 60 dB below speech: what is quieter is noise that only spreads the
    range an int8 input has to cover.
    """
    mel = {
        "op": "log_mel", "sample_rate": sample_rate, "frame_length": sample_rate * 32 // 1000,
        "frame_step": sample_rate // 50, "mel_bands": bands, "lower_hz": 60.0,
        "upper_hz": min(7600.0, sample_rate / 2 - 100), "floor": floor,
    }
    steps: tuple[dict[str, Any], ...] = ({"op": "pcm_to_float"}, mel)
    return steps if coefficients is None else (*steps, {"op": "mfcc", "coefficients": coefficients})


def standardized(steps: Sequence[Mapping[str, Any]], clips: Array) -> tuple[Mapping[str, Any], ...]:
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
    splits: Mapping[str, tuple[Array, np.ndarray]],
    labels: Sequence[str],
    sample_rate: int,
    *,
    steps: Sequence[Mapping[str, Any]] | None = None,
    coefficients: int | None = None,
    hop_ms: int = 250,
    **facts: Any,
) -> Dataset:
    """A `Dataset` of clips (N, samples) int16 with y (N,), or (N, L) padded with -1 for word strings.

    Args:
        splits: clips and y under ``train``, ``validation`` and ``test``.
        steps: instead of the front end and its standardization.
        coefficients: MFCCs instead of log-mel bands.
        hop_ms: how often a stream is classified.
        facts: further fields of the `Dataset`.
    """
    train = splits["train"][0]
    strings = splits["train"][1].ndim == 2
    if steps is None:
        steps = standardized(front_end(sample_rate, coefficients=coefficients), train)
    defaults: dict[str, Any] = {
        "task": "speech", "metrics": ("word_error_rate",) if strings else ("accuracy", "f1_macro")
    }
    return Dataset(
        train=Split(*splits["train"]), validation=Split(*splits["validation"]), test=Split(*splits["test"]),
        preprocessing=tuple(steps),
        labels=tuple(labels),
        stream=StreamInfo(sample_rate, train.shape[1], sample_rate * hop_ms // 1000),
        **(defaults | facts),
    )


def join_words(
    clips: Sequence[np.ndarray],
    y: np.ndarray,
    *,
    count: int,
    samples: int,
    gap: int,
    words: tuple[int, int],
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Strings of words, made by joining single recordings with pauses between them.

    Args:
        clips: one int16 array a recording, of any lengths.
        y: class numbers of the recordings.
        count: strings to make.
        samples: of a string; words that no longer fit are left out.
        gap: the longest pause, in samples.
        words: fewest and most words of a string.

    Returns:
        Audio (count, samples) int16 and class numbers (count, most words), -1 after the last word.
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
