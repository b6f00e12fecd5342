"""Recordings in folders named by their words, laid out as Google's Speech Commands.

    FOLDER/yes/0a7c2a8d_nohash_0.wav     a word, its speaker (before _nohash_), a repetition
    FOLDER/_background_noise_/rain.wav   long noise, for augmentation and for the class _silence_
    FOLDER/validation_list.txt           yes/0a7c2a8d_nohash_0.wav, one a line; honoured where present
    FOLDER/testing_list.txt

Without the lists a speaker's recordings all fall into one split, by the SHA-1 of the speaker's name
as in Speech Commands' own `which_set`: 10 % validation, 10 % test.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import wav
from edgeprune.data.dataset import Dataset
from edgeprune.data.folders import ByClass, by_class, text_of
from edgeprune.data.speech import clips_dataset
from edgeprune.data.splits import NAMES
from edgeprune.data.streamed import Array, FromItems, held
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step, apply

NOISE, SILENCE, UNKNOWN = "_background_noise_", "_silence_", "_unknown_"


def read_wav(path: Path, rate_hz: int) -> np.ndarray:
    """The mono int16 samples of a WAV file, resampled to `rate_hz`; channels are averaged."""
    levels, rate = wav.read_wav(path)
    step = {"op": "resample", "from_hz": rate, "to_hz": rate_hz}
    return np.asarray(np.clip(np.round(apply([step], levels[None])[0]), -32768, 32767), np.int16)


def word_folders(
    folder: Path, words: Sequence[str] | None = None, *, sample_rate: int = 16000, samples: int | None = None,
    silence: bool = True, seed: int = 0, steps: Callable[[Array], Sequence[Step]] | None = None,
) -> Dataset:
    """A `Dataset` of the recordings below `folder`.

    Args:
        words: the classes, in this order; all other folders become ``_unknown_``, of which as many
            recordings are kept as a word has on average. None: every folder is a class.
        samples: length of a clip, one second by default; recordings are padded or cropped to it.
        silence: add the class ``_silence_`` where there is background noise.
        steps: makes the preprocessing out of the training clips; None for log-mel bands.
    """
    recordings = by_class(folder, (".wav",), folder, skip=NOISE)
    labels = list(words or recordings)
    if missing := sorted(set(labels) - set(recordings)):
        raise InputError(
            f"{folder} has no folder for {', '.join(missing)}.",
            f"Expected folders of WAV files named by their words; there are {', '.join(recordings)}.",
            "Check the path and the words.",
        )
    samples = samples or sample_rate
    rng = np.random.default_rng(seed)
    chosen = list(_chosen(folder, labels, recordings, rng))
    if set(labels) != set(recordings):
        labels.append(UNKNOWN)
    noise = background_noise(folder, sample_rate)
    if silence and noise:
        labels.append(SILENCE)
    read = functools.partial(_clip, sample_rate=sample_rate, samples=samples)
    splits = {}
    for split in NAMES:
        items: list[Path | np.ndarray] = [path for path, _, part in chosen if part == split]
        if not items:
            raise InputError(
                f"No recording of {folder} falls into the {split} split.", "Expected some in each split.",
                "Add recordings, or list them in validation_list.txt and testing_list.txt.",
            )
        y = [labels.index(word) for _, word, part in chosen if part == split]
        if labels[-1] == SILENCE:
            silent = _silent(noise, samples, max(len(items) // max(len(labels) - 1, 1), 1), rng)
            items, y = [*items, *silent], [*y, *[len(labels) - 1] * len(silent)]
        splits[split] = (held(FromItems(items, read), 2 * samples), np.array(y))
    return clips_dataset(
        splits, labels, sample_rate, name=folder.name, source=str(folder),
        steps=None if steps is None else steps(splits["train"][0]), noise=tuple(noise),
    )


def _clip(item: Path | np.ndarray, sample_rate: int, samples: int) -> np.ndarray:
    """A clip of `samples` out of a file; silence is a clip already."""
    if isinstance(item, np.ndarray):
        return item
    step = {"op": "pad_or_crop", "samples": samples}
    return np.asarray(apply([step], read_wav(item, sample_rate)[None])[0])


def background_noise(folder: Path, sample_rate: int) -> list[np.ndarray]:
    """The recordings in ``_background_noise_``, int16; none where there is no such folder."""
    return [read_wav(path, sample_rate) for path in sorted((folder / NOISE).glob("*.wav"))]


def _chosen(
    folder: Path, labels: Sequence[str], recordings: ByClass, rng: np.random.Generator
) -> Iterator[tuple[Path, str, str]]:
    """Path, class and split of each recording; unknown words thinned to the size of a known one."""
    listed = {
        name: split
        for split, file in (("validation", "validation_list.txt"), ("test", "testing_list.txt"))
        if (folder / file).is_file()
        for name in text_of(folder / file, "Names of recordings, one a line, UTF-8.").split()
    }
    unknown, known = [], 0
    for word, paths in recordings.items():
        for path in paths:
            split = listed.get(f"{word}/{path.name}", "train") if listed else split_of(path.name)
            if word in labels:
                known += 1
                yield path, word, split
            else:
                unknown.append((path, UNKNOWN, split))
    keep = rng.permutation(len(unknown))[: -(-known // len(labels))]
    yield from (unknown[i] for i in sorted(keep))


def split_of(file_name: str) -> str:
    """The split of a recording by its speaker, as Speech Commands' README computes it."""
    speaker, most = file_name.partition("_nohash_")[0], 2**27 - 1
    number = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percentage = number % (most + 1) * (100 / most)
    return "validation" if percentage < 10 else "test" if percentage < 20 else "train"


def _silent(
    noise: Sequence[np.ndarray], samples: int, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Stretches of noise at all loudnesses down to digital silence."""
    stretches = []
    for _ in range(count):
        source = noise[int(rng.integers(len(noise)))]
        source = np.pad(source, (0, max(samples - len(source), 0)))
        start = int(rng.integers(0, len(source) - samples + 1))
        stretches.append((source[start : start + samples] * rng.random()).astype(np.int16))
    return stretches
