"""Recordings to whatever a speech model takes: the clip itself, log-mel bands or MFCCs.

    input (S,), (S, 1)                  the clip, S samples in -1..1
    input (F, B), (F, B, 1), B > 20     log-mel: F frames of B bands
    input (F, B), (F, B, 1), B <= 20    MFCCs: the first B of 40 bands

Frames are 32 ms every 20 ms where that gives F of them, else the usual pair that does. Bands are
standardized by the training clips, since a model's own statistics are not in its file.

Recordings lie in folders named by their words, laid out as Google's Speech Commands:

    FOLDER/yes/0a7c2a8d_nohash_0.wav     a word, its speaker (before _nohash_), a repetition
    FOLDER/_background_noise_/rain.wav   long noise, for augmentation and for the class _silence_
    FOLDER/validation_list.txt           yes/0a7c2a8d_nohash_0.wav, one a line; honoured where present
    FOLDER/testing_list.txt

Without the lists a speaker's recordings all fall into one split, by the SHA-1 of the speaker's name
as in Speech Commands' own `which_set`: 10 % validation, 10 % test.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders, wav
from edgeprune.data.check import check
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.decisions import decided
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.speech import clips_dataset, front_end, standardized
from edgeprune.data.splits import NAMES
from edgeprune.data.streamed import Array, FromItems, held
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step, apply

NOISE, SILENCE, UNKNOWN = "_background_noise_", "_silence_", "_unknown_"
_FRAMES_MS = ((32, 20), (30, 20), (40, 20), (32, 16), (25, 10), (30, 10), (32, 10), (64, 32))
_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
_MOST_COEFFICIENTS = 20
_LOOKED_AT = 100  # recordings, to find the rate of most
_ENOUGH_HZ = 16_000
Steps = tuple[Step, ...]


def read_speech_folder(request: DataRequest) -> Dataset:
    """A `Dataset` of folders of WAV files; see `word_folders` for the extra classes."""
    folder, signature = request.path, request.signature
    found = [name for name in folders.subfolders(folder) if name != NOISE]
    listed = folders.listed_labels(folder)
    words = [name for name in listed if name not in (UNKNOWN, SILENCE)] or None
    classes = signature.classes() if signature is not None else 0
    without_silence = len(words or found) + (words is not None and set(words) != set(found))
    rate = _rate(folder, signature)
    samples = clip_samples(signature, rate)
    data = word_folders(
        folder, words, sample_rate=rate, samples=samples, seed=request.seed,
        steps=lambda train: steps_for(train, rate, samples, signature),
        silence=SILENCE in listed if listed else classes in (0, without_silence + 1),
    )
    data = _in_order(data, folder) if listed else data
    data = dataclasses.replace(data, source=folder.name, licence="as you know it").deciding(
        *decided("preprocessing", [
            f"Clips are {samples} samples at {rate} Hz.", "Bands are standardized by the training clips.",
        ]),
    )
    check(data, signature)
    return data


def steps_for(train: Array, rate: int, samples: int, signature: ModelSignature | None) -> Steps:
    """Steps from clips (N, samples) int16 to the model's input; statistics are those of `train`."""
    if signature is None:
        return standardized(front_end(rate), train)
    shape = signature.inputs[0].shape
    sizes = tuple(size for size in shape if size != 1)
    bands = sizes[-1] if sizes else None
    if len(sizes) == 1:
        reshape: Steps = ({"op": "reshape", "shape": [samples, 1]},) if len(shape) == 2 else ()
        return ({"op": "pcm_to_float"}, *reshape)
    if len(sizes) != 2 or bands is None:
        raise InputError(
            "The data holds recordings.", f"The model takes {shape}, which is no clip and no spectrogram.",
            "Pass a model of (samples,) or (frames, bands), or features of its shape as .npz.",
        )
    frames = sizes[0]
    mel = _framed(rate, samples, frames, bands)
    tail: Steps = ()
    if len(shape) != 2:
        made = 1 + (samples - int(mel[1]["frame_length"])) // int(mel[1]["frame_step"])
        tail = ({"op": "reshape", "shape": [made if size == frames else int(size or 1) for size in shape]},)
    return (*standardized(mel, train), *tail)


def _framed(rate: int, samples: int, frames: int | None, bands: int) -> Steps:
    """The front end whose frames are as many as the model takes."""
    coefficients = bands if bands <= _MOST_COEFFICIENTS else None
    steps = front_end(rate, bands=40 if coefficients else bands, coefficients=coefficients)
    for length_ms, step_ms in _FRAMES_MS:
        length, step = rate * length_ms // 1000, rate * step_ms // 1000
        if frames in (None, 1 + (samples - length) // step):
            mel = {**steps[1], "frame_length": length, "frame_step": step}
            return (steps[0], mel, *steps[2:])
    raise InputError(
        f"{samples} samples at {rate} Hz do not give {frames} frames.",
        "Frames of " + ", ".join(f"{a} ms every {b}" for a, b in _FRAMES_MS) + " were tried.",
        "Pass features of the model's shape as .npz.",
    )


def clip_samples(signature: ModelSignature | None, rate: int) -> int:
    """Samples of a clip: the model's own number where it takes clips, else one second."""
    sizes = [size for size in signature.inputs[0].shape if size != 1] if signature is not None else []
    return sizes[0] if len(sizes) == 1 and sizes[0] else rate


def _rate(folder: Path, signature: ModelSignature | None) -> int:
    """The model's rate where it takes one second of samples, else what most recordings have."""
    samples = clip_samples(signature, 0)
    if samples in _RATES_HZ:
        return samples
    below = (folders.files_below(folder / name, (".wav",), folder) for name in folders.subfolders(folder))
    paths = [path for files in below for path in sorted(files)]
    rates = [wav.read_wav(path)[1] for path in paths[:: -(-len(paths) // _LOOKED_AT)]]
    common = max(sorted(set(rates)), key=rates.count)
    return common if samples else min(common, _ENOUGH_HZ)  # bands end at 7.6 kHz


def _in_order(data: Dataset, folder: Path) -> Dataset:
    """The classes in the order of labels.txt, which is the model's."""
    found = data.labels or ()
    listed = folders.class_order(folder, found, "The recordings give")
    place = np.array([listed.index(name) for name in found])
    train, validation, test = (
        Split(split.x, None if split.y is None else place[split.y])
        for split in (data.train, data.validation, data.test)
    )
    return dataclasses.replace(data, labels=listed, train=train, validation=validation, test=test)


def read_wav(path: Path, rate_hz: int) -> np.ndarray:
    """The mono int16 samples of a WAV file, resampled to `rate_hz`; channels are averaged."""
    levels, rate = wav.read_wav(path)
    step = {"op": "resample", "from_hz": rate, "to_hz": rate_hz}
    return np.asarray(np.clip(np.round(apply([step], levels[None])[0]), -32768, 32767), np.int16)


def word_folders(
    folder: Path, words: Sequence[str] | None = None, *, sample_rate: int = 16000, samples: int | None = None,
    silence: bool = True, seed: int = 0, steps: Callable[[Array], Sequence[Step]] | None = None,
) -> Dataset:
    """A `Dataset` of the recordings below `folder`, padded or cropped to `samples` (one second).

    `words` are the classes, in this order; all other folders become ``_unknown_``, of which as many
    recordings are kept as a word has on average. None: every folder is a class. `silence` adds the class
    ``_silence_`` where there is background noise; `steps` makes the preprocessing out of training clips.
    """
    recordings = folders.by_class(folder, (".wav",), folder, skip=NOISE)
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
    folder: Path, labels: Sequence[str], recordings: folders.ByClass, rng: np.random.Generator
) -> Iterator[tuple[Path, str, str]]:
    """Path, class and split of each recording; unknown words thinned to the size of a known one."""
    listed = {
        name: split
        for split, file in (("validation", "validation_list.txt"), ("test", "testing_list.txt"))
        if (folder / file).is_file()
        for name in folders.text_of(folder / file, "Names of recordings, one a line, UTF-8.").split()
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
