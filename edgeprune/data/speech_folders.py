"""Recordings in folders named by their words, to a `Dataset`.

    FOLDER/yes/0a7c2a8d_nohash_0.wav     a word, its speaker (before _nohash_), a repetition
    FOLDER/train/yes/1.flac              splits as they are; see `edgeprune.data.layout`
    FOLDER/_background_noise_/rain.wav   long noise, for augmentation and for the class _silence_
    FOLDER/validation_list.txt           yes/0a7c2a8d_nohash_0.wav, one a line; honoured where present
    FOLDER/testing_list.txt
    FOLDER/labels.txt                    the words in the model's order; _unknown_ for all other folders

Without lists, and where file names tell speakers, a speaker's recordings all fall into one split, by the
SHA-1 of the speaker's name as in Speech Commands' own `which_set`: 10 % validation, 10 % test.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders
from edgeprune.data.audio_files import SUFFIXES, read_audio, require_decoder
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.embedded import StoredFile
from edgeprune.data.file_name_labels import labels_in_names
from edgeprune.data.file_reader import FileForm, FileReader, kept_labels, kept_rows
from edgeprune.data.labels import RawTargets
from edgeprune.data.layout import FolderLayout, layout_of
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.speech import HOP_MS
from edgeprune.data.speech_data import clip_samples, steps_for
from edgeprune.data.splits import NAMES
from edgeprune.data.streamed import Array, parts_of
from edgeprune.errors import InputError, UnreadableError
from edgeprune.preprocessing import apply
from edgeprune.types import OutputTask, StreamInfo

NOISE, SILENCE, UNKNOWN = "_background_noise_", "_silence_", "_unknown_"
_SPEAKER = "_nohash_"
_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
_LOOKED_AT = 100  # recordings, to find the rate of most
_ENOUGH_HZ = 16_000
Clip = StoredFile | np.ndarray  # a file, or a stretch of noise
Words = Mapping[str, Sequence[tuple[Clip, str]]]  # recordings and their words by split


@dataclasses.dataclass(frozen=True)
class ClipForm:
    """The rate and length that all recordings are brought to."""

    rate_hz: int
    samples: int

    @classmethod
    def of(cls, paths: Sequence[StoredFile], signature: ModelSignature | None) -> ClipForm:
        """The model's rate where it takes one second of samples, else what most recordings have."""
        samples = clip_samples(signature, 0)
        rate = samples if samples in _RATES_HZ else _common_rate(paths)
        if not samples:
            rate = min(rate, _ENOUGH_HZ)  # bands end at 7.6 kHz
        return cls(rate, clip_samples(signature, rate))

    def read(self, clip: Clip) -> np.ndarray:
        """(samples,) int16, padded or cropped on both sides."""
        if isinstance(clip, np.ndarray):
            return clip
        levels = read_clip(clip, self.rate_hz)
        return np.asarray(apply([{"op": "pad_or_crop", "samples": self.samples}], levels[None])[0])

    def of_files(self) -> FileForm[Clip]:
        """How files are read in this form."""
        return FileForm((self.samples,), np.int16, self.read, self.read)


def read_speech_folder(request: DataRequest) -> Dataset:
    """A `Dataset` of folders of recordings; see the module for extra classes."""
    folder = request.path
    layout = layout_of(folder, SUFFIXES, aside=(NOISE,))
    listed = folders.listed_labels(layout.root) or folders.listed_labels(folder)
    paths = [path for part in layout.parts.values() for files in part.values() for path in files]
    require_decoder(paths)
    form = ClipForm.of(paths, request.signature)
    noise = background_noise(layout.root, form.rate_hz)
    rng = np.random.default_rng(request.seed)
    labels = _labels(layout, listed, request.signature, silence=bool(noise))
    parts = _recordings(layout, labels, rng)
    if SILENCE in labels and noise:
        parts = {
            split: [*part, *((one, SILENCE) for one in _silent(
                noise, form.samples, max(len(part) // max(len(labels) - 1, 1), 1), rng
            ))] for split, part in parts.items()
        }
    data = read_recordings(
        {split: ([clip for clip, _ in part], np.array([labels.index(word) for _, word in part], np.int64))
         for split, part in parts.items()} if layout.classes else
        {split: ([clip for clip, _ in part], None) for split, part in parts.items()},
        form, request, classes=labels or None, notes=layout.notes,
        skipped=(folders.skipped(folder, SUFFIXES), *layout.skipped),
    )
    return dataclasses.replace(data, noise=tuple(noise))


def read_bare_recordings(request: DataRequest) -> Dataset:
    """A `Dataset` of the recordings that lie in a folder; without labels, unless their names have them."""
    paths = sorted(folders.files_below(request.path, SUFFIXES, request.path))
    require_decoder(paths)
    form = ClipForm.of(paths, request.signature)
    skipped = (folders.skipped(request.path, SUFFIXES),)
    if found := labels_in_names(paths, request.path, request.signature):
        classes, y, note = found
        parts = {"train": (paths, y)}
        return read_recordings(parts, form, request, classes=classes, notes=(note,), skipped=skipped)
    return read_recordings({"train": (paths, None)}, form, request, skipped=skipped)


def read_recordings(
    parts: Mapping[str, tuple[Sequence[Clip], RawTargets]], form: ClipForm, request: DataRequest, *,
    classes: Sequence[str] | None = None, notes: Sequence[str] = (), skipped: Sequence[str] = (),
) -> Dataset:
    """A `Dataset` of recordings by split with their labels; `classes` are names in order."""
    signature = request.signature
    read = FileReader(request, sum(len(clips) for clips, _ in parts.values()))
    made: dict[str, tuple[Array, RawTargets]] = {}
    for split, (clips, y) in parts.items():
        x, kept = read.samples(clips, form.of_files())
        made[split] = (kept_rows(x, kept), kept_labels(y, kept))
    skipped = (*skipped, read.settle())
    size = f"Clips are {form.samples} samples at {form.rate_hz} Hz."
    numbered = classes and all(np.asarray(y).dtype.kind in "iu" for _, y in parts.values())
    tasks = (OutputTask("classes", ("accuracy", "f1_macro"), classes=tuple(classes or ())),)
    data = build_dataset(
        request, "speech", made,
        lambda train: Preprocessing(
            steps_for(parts_of(train.x)[0], form.rate_hz, form.samples, signature),
            notes=(size, "Bands are standardized by the training clips."),
        ),
        name=request.path.name, source=request.path.name, classes=classes, tasks=tasks if numbered else None,
        notes=tuple(notes), skipped=tuple(skipped),
    )
    return dataclasses.replace(
        data, stream=StreamInfo(form.rate_hz, form.samples, form.rate_hz * HOP_MS // 1000)
    )


def read_clip(path: StoredFile, rate_hz: int) -> np.ndarray:
    """The mono int16 samples of a recording, resampled to `rate_hz`; channels are averaged."""
    levels, rate = read_audio(path)
    step = {"op": "resample", "from_hz": rate, "to_hz": rate_hz}
    return np.asarray(np.clip(np.round(apply([step], levels[None])[0]), -32768, 32767), np.int16)


def background_noise(folder: Path, rate_hz: int) -> list[np.ndarray]:
    """The recordings in ``_background_noise_``, int16; none where there is no such folder."""
    if not (folder / NOISE).is_dir():
        return []
    paths = sorted(folders.files_below(folder / NOISE, SUFFIXES, folder))
    require_decoder(paths)
    return [read_clip(path, rate_hz) for path in paths]


def _common_rate(paths: Sequence[StoredFile]) -> int:
    """What most of some recordings have; damaged ones are told of when all are read."""
    rates: list[int] = []
    for path in paths[:: max(1, -(-len(paths) // _LOOKED_AT))]:
        with contextlib.suppress(UnreadableError):
            rates.append(read_audio(path)[1])
    return max(sorted(set(rates)), key=rates.count) if rates else read_audio(paths[0])[1]


def _labels(
    layout: FolderLayout, listed: Sequence[str], signature: ModelSignature | None, *, silence: bool
) -> tuple[str, ...]:
    """The classes in the model's order.

    Raises:
        InputError: labels.txt lacks a folder, and has no class for what it does not list.
    """
    found = layout.classes
    if listed:
        if (lacking := [name for name in found if name not in listed]) and UNKNOWN not in listed:
            raise InputError(
                f"labels.txt lists {', '.join(listed)}.",
                f"There are folders that it does not list: {', '.join(lacking[:10])}.",
                f"List them, or {UNKNOWN} for all of them.",
            )
        return tuple(listed)
    classes = signature.classes() if signature is not None else 0
    wanted = silence and found and classes in (0, len(found) + 1)
    return (*found, SILENCE) if wanted else found


def _recordings(layout: FolderLayout, labels: Sequence[str], rng: np.random.Generator) -> Words:
    """Recordings by split; of unknown words as many are kept as a known one has on average."""
    known: list[tuple[str, Path, str]] = []
    unknown: list[tuple[str, Path, str]] = []
    for split, word, path in _by_split(layout):
        if word in labels or not labels:
            known.append((split, path, word))
        else:
            unknown.append((split, path, UNKNOWN))
    count = len([word for word in labels if word not in (UNKNOWN, SILENCE)])
    keep = rng.permutation(len(unknown))[: -(-len(known) // max(count, 1))]
    chosen = [*known, *(unknown[i] for i in sorted(keep))]
    parts = {name: [(path, word) for split, path, word in chosen if split == name] for name in NAMES}
    return {name: part for name, part in parts.items() if part}


def _by_split(layout: FolderLayout) -> list[tuple[str, str, Path]]:
    """Split, word and path of each recording: as folders, lists or speakers tell; else all train."""
    every = [
        (split, word, path) for split, part in layout.parts.items()
        for word, paths in part.items() for path in paths
    ]
    if len(layout.parts) > 1:
        return every
    listed = {
        name: split
        for split, file in (("validation", "validation_list.txt"), ("test", "testing_list.txt"))
        if (layout.root / file).is_file()
        for name in folders.text_of(layout.root / file, "Names of recordings, one a line, UTF-8.").split()
    }
    if listed:
        return [(listed.get(f"{word}/{path.name}", "train"), word, path) for _, word, path in every]
    if any(_SPEAKER in path.name for _, _, path in every):
        return [(split_of(path.name), word, path) for _, word, path in every]
    return every


def split_of(file_name: str) -> str:
    """The split of a recording by its speaker, as Speech Commands' README computes it."""
    speaker, most = file_name.partition(_SPEAKER)[0], 2**27 - 1
    name = speaker.encode("utf-8", "surrogateescape")
    number = int(hashlib.sha1(name, usedforsecurity=False).hexdigest(), 16)
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
