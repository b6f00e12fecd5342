"""Real recordings and texts out of ../shared/data, as `Dataset`s; absent data is an `InputError`."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.speech import clips_dataset, join_words
from edgeprune.data.synthetic_speech import DIGITS
from edgeprune.data.text import text_dataset
from edgeprune.errors import InputError
from edgeprune.preprocessing import apply

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        raise InputError(f"{path} is absent.", "Expected the data shared beside the repository.", "Fetch it.")
    return path


def _arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(shared(name), allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _fsdd() -> tuple[list[np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """Recordings, digits, and the rows of each split: official test (index 0-4), validation 5-9."""
    found = _arrays("fsdd_8k.npz")
    off, index = found["off"], found["index"]
    clips = [found["audio"][start:end] for start, end in itertools.pairwise(off)]
    rows = {
        "test": np.flatnonzero(index <= 4), "validation": np.flatnonzero((index > 4) & (index <= 9)),
        "train": np.flatnonzero(index > 9),
    }
    return clips, found["y"].astype(np.int64), rows


_FSDD: dict[str, Any] = {
    "source": "Jakobovski/free-spoken-digit-dataset", "licence": "CC BY-SA 4.0"
}


def fsdd() -> Dataset:
    """Free Spoken Digit Dataset, clips of one second at 8 kHz, official test split."""
    clips, y, rows = _fsdd()
    step = {"op": "pad_or_crop", "samples": 8000}
    whole = np.concatenate([apply([step], clip[None]) for clip in clips])
    splits = {name: (whole[part], y[part]) for name, part in rows.items()}
    return clips_dataset(splits, DIGITS, 8000, name="fsdd", **_FSDD)


def fsdd_strings() -> Dataset:
    """Two to five FSDD recordings joined to a string of three seconds; splits share no recording."""
    clips, y, rows = _fsdd()
    splits = {}
    for seed, (name, part) in enumerate(rows.items()):
        splits[name] = join_words(
            [clips[i] for i in part], y[part], count=3000 if name == "train" else 400, samples=24000,
            gap=2000, words=(2, 5), seed=seed,
        )
    return clips_dataset(splits, DIGITS, 8000, name="fsdd-strings", **_FSDD)


def speech_commands(words: tuple[str, ...] = ("bed", "cat", "happy")) -> Dataset:
    """The three words with about 500 clips each, split by speaker as the file names tell."""
    found = _arrays("speech_commands_subset_16k.npz")
    names = [str(word) for word in found["words"]]
    kept = np.flatnonzero(np.isin(found["y"], [names.index(word) for word in words]))
    y = np.array([words.index(names[number]) for number in found["y"][kept]])
    speakers = np.array([Path(str(name)).name.split("_")[0] for name in found["files"][kept]])
    draw = np.random.default_rng(3).random(len(np.unique(speakers)))
    share = draw[np.unique(speakers, return_inverse=True)[1]]
    parts = {"train": share >= 0.3, "validation": share < 0.1, "test": (share >= 0.1) & (share < 0.3)}
    splits = {name: (found["x"][kept][part], y[part]) for name, part in parts.items()}
    return clips_dataset(splits, words, 16000, name="speech-commands-3", source="Speech Commands v0.01",
                         licence="CC BY 4.0")


def _snips() -> dict[str, list[dict[str, Any]]]:
    with gzip.open(shared("snips_intents_slots.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    train = [row for row in rows if row["split"] == "train"]
    order = np.random.default_rng(7).permutation(len(train))
    return {
        "train": [train[i] for i in order[700:]], "validation": [train[i] for i in order[:700]],
        "test": [row for row in rows if row["split"] == "valid"],
    }


_SNIPS = {"source": "sonos/nlu-benchmark 2017-06-custom-intent-engines", "licence": "CC0 1.0"}


def snips_intents() -> Dataset:
    """SNIPS' seven intents; its published validation split is the test data here."""
    rows = _snips()
    labels = sorted({row["intent"] for row in rows["train"]})
    splits = {
        name: ([row["text"] for row in part], np.array([labels.index(row["intent"]) for row in part]))
        for name, part in rows.items()
    }
    return text_dataset(splits, labels, length=32, size=6000, name="snips-intents", **_SNIPS)


def snips_slots() -> Dataset:
    """SNIPS' 39 slots as BIO tags, one a token."""
    rows = _snips()
    labels = ["O", *sorted({tag for row in rows["train"] for tag in row["tags"]} - {"O"})]
    numbers = {tag: number for number, tag in enumerate(labels)}
    splits = {}
    for name, part in rows.items():
        y = np.full((len(part), 36), -1)
        for row, sentence in zip(y, part, strict=True):
            tags = [numbers.get(tag, 0) for tag in sentence["tags"]][:36]
            row[: len(tags)] = tags
        splits[name] = ([" ".join(row["tokens"]) for row in part], y)
    return text_dataset(splits, labels, kind="given", length=36, size=9000, name="snips-slots", **_SNIPS)


def mnist() -> Dataset:
    """All of MNIST; the last 5,000 training images are the validation data."""
    found = _arrays("mnist.npz")
    x, y = found["x_train"], found["y_train"].astype(np.int64)
    return Dataset(
        "vision", Split(x[:-5000], y[:-5000]), Split(x[-5000:], y[-5000:]),
        Split(found["x_test"], found["y_test"].astype(np.int64)),
        preprocessing=({"op": "rescale", "scale": 1 / 255}, {"op": "reshape", "shape": [28, 28, 1]}),
        labels=tuple("0123456789"), name="mnist", source="MNIST", licence="CC BY-SA 3.0 (as commonly stated)",
    )
