"""Words spoken by eSpeak NG in many voices: the offline default for speech, always called synthetic."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from edgeprune.data import espeak
from edgeprune.data.dataset import Dataset
from edgeprune.data.speech import clips_dataset, join_words
from edgeprune.data.splits import NAMES
from edgeprune.preprocessing import apply

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SAMPLE_RATE_HZ = 16000
_ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
_SPEAKERS = ("", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5")


_dataset = functools.partial(
    clips_dataset, sample_rate=SAMPLE_RATE_HZ, source="synthesised by edgeprune with eSpeak NG",
    licence="eSpeak NG is GPL-3.0; its output carries no terms", synthetic=True,
)


def spoken(words: Sequence[str], per_word: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """`per_word` int16 recordings of each word in random voices at 16 kHz, trimmed; class numbers (N,)."""
    rng = np.random.default_rng(seed)
    requests: list[dict[str, str | int]] = [
        {
            "word": word, "voice": str(rng.choice(_ACCENTS)) + str(rng.choice(_SPEAKERS)),
            "rate": int(rng.integers(110, 240)), "pitch": int(rng.integers(15, 85)),
            "pitch_range": int(rng.integers(20, 80)),
        }
        for _ in range(per_word) for word in words
    ]
    clips, rate_hz = espeak.say(requests, seed)
    peaks = rng.uniform(0.15, 0.9, len(clips))
    recordings = [_scaled(clip, peak) for clip, peak in zip(_at_16k(clips, rate_hz), peaks, strict=True)]
    return recordings, np.tile(np.arange(len(words)), per_word)


def _at_16k(clips: Sequence[np.ndarray], rate_hz: int) -> list[np.ndarray]:
    """Clips without the silence around them, float32 at 16 kHz; all at once, which is much faster."""
    trimmed = [_trim(clip) for clip in clips]
    longest = max(map(len, trimmed))
    padded = np.stack([np.pad(clip, (0, longest - len(clip))) for clip in trimmed])
    step = {"op": "resample", "from_hz": rate_hz, "to_hz": SAMPLE_RATE_HZ}
    resampled = np.concatenate([apply([step], padded[i : i + 64]) for i in range(0, len(padded), 64)])
    return [
        row[: len(clip) * SAMPLE_RATE_HZ // rate_hz] for row, clip in zip(resampled, trimmed, strict=True)
    ]


def _trim(clip: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(clip.astype(np.int32)) > 200)
    return clip[loud[0] : loud[-1] + 1] if len(loud) else clip


def _scaled(clip: np.ndarray, peak: float) -> np.ndarray:
    """The clip as int16, its peak at the fraction `peak` of full scale."""
    loudest = max(float(np.abs(clip).max(initial=0.0)), 1.0)
    return np.asarray((clip * (peak * 32767 / loudest)).astype(np.int16))


def _in_noise(clips: list[np.ndarray], samples: int, seed: int) -> np.ndarray:
    """Clips at random places of windows of faint coloured noise: (N, samples) int16."""
    rng = np.random.default_rng(seed)
    windows = np.empty((len(clips), samples), np.int16)
    for window, clip in zip(windows, clips, strict=True):
        white = rng.normal(size=samples)
        noise = (white + np.roll(white, 1) * rng.uniform(-0.9, 0.9)) * 32767 * 10 ** rng.uniform(-4, -2)
        cut = clip[:samples]
        start = int(rng.integers(0, samples - len(cut) + 1))
        noise[start : start + len(cut)] += cut
        window[:] = np.clip(noise, -32768, 32767)
    return windows


def synthetic_commands(
    words: Sequence[str] = COMMANDS, *, train: int = 120, held_out: int = 40, seed: int = 23
) -> Dataset:
    """Spoken commands by eSpeak NG: `train` clips a word, `held_out` each for validation and test."""
    splits = {}
    for offset, (name, per_word) in enumerate(zip(NAMES, (train, held_out, held_out), strict=True)):
        clips, y = spoken(words, per_word, seed + offset)
        splits[name] = (_in_noise(clips, SAMPLE_RATE_HZ, seed + offset), y)
    return _dataset(splits, words, name="synthetic-commands")


def synthetic_digit_strings(*, train: int = 1500, held_out: int = 200, seed: int = 29) -> Dataset:
    """Strings of two to five spoken digits, three seconds each, for CTC."""
    splits, samples, gap = {}, 3 * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ // 4
    for offset, (name, count) in enumerate(zip(NAMES, (train, held_out, held_out), strict=True)):
        clips, y = spoken(DIGITS, 40 if name == "train" else 10, seed + offset)
        audio, labels = join_words(
            clips, y, count=count, samples=samples, gap=gap, words=(2, 5), seed=seed + offset
        )
        splits[name] = (_in_noise(list(audio), samples, seed + offset), labels)
    return _dataset(splits, DIGITS, name="synthetic-digit-strings")
