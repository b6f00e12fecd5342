"""Three splits out of what a source has: taken where they are, drawn where they are not.

Drawn splits are stratified and seeded: of n samples of a class, round(0.2 n) test and round(0.15 of
the rest) validate, but at least one each, so that small data has every class in every split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from edgeprune.data.dataset import Split
from edgeprune.errors import InputError

TEST, VALIDATION = 0.2, 0.15
NAMES = ("train", "validation", "test")
ALIASES = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "test": "test", "testing": "test",
}
"""Names of folders, files and rows that stand for a split."""
_FOLDER_WORDS = {
    **ALIASES, "eval": "test", "evaluation": "test", "holdout": "test", "development": "validation",
}
Parts = Mapping[str, Split]


def split_of_name(name: str) -> str | None:
    """The split that a folder is called after, as training_set, Testset, val2017 or seg_train."""
    words = re.findall("[A-Z]?[a-z]+|[A-Z]+", name)
    stems = {re.sub("(set|data|images|imgs)$", "", word.lower()) for word in words}
    found = {_FOLDER_WORDS[stem] for stem in stems if stem in _FOLDER_WORDS}
    return found.pop() if len(found) == 1 else None


def make_splits(parts: Parts, seed: int) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Training, validation and test, and a sentence for each that had to be drawn from ``train``."""
    splits, notes = dict(parts), []
    if empty := [name for name in NAMES if name in splits and not len(splits[name])]:
        raise InputError(
            f"The {empty[0]} split has no samples.", "At least one of every class is expected.",
            "Check what the source holds, or leave this split out to have it drawn.",
        )
    missing = [name for name in ("test", "validation") if name not in splits]
    for place, name in enumerate(missing):
        ratio = TEST if name == "test" else VALIDATION
        to_draw = len(missing) - place  # what is drawn next needs its sample too
        splits["train"], splits[name] = draw(splits["train"], ratio, seed + (name == "validation"), to_draw)
        how = "stratified, " if _classes(splits[name]) is not None else ""
        notes.append(f"{len(splits[name])} samples were drawn for {name}, {how}seed {seed}.")
    return {name: splits[name] for name in NAMES}, tuple(notes)


def draw(split: Split, ratio: float, seed: int, splits_to_draw: int = 1) -> tuple[Split, Split]:
    """Takes a part out, of every class the same; the order of the samples stays."""
    generator = np.random.default_rng(seed)
    known = _classes(split)
    classes = np.zeros(len(split), int) if known is None else known
    taken = np.zeros(len(split), bool)
    for label in np.unique(classes):
        rows = generator.permutation(np.flatnonzero(classes == label))
        if len(rows) <= splits_to_draw:
            one = "there are" if known is None else f"class {label} has"
            raise InputError(
                f"The splits cannot be drawn: {one} {len(rows)} sample(s).",
                f"At least {splits_to_draw + 1} are expected, one for each split.",
                "Add samples, or leave the class out.",
            )
        taken[rows[: max(1, round(ratio * len(rows)))]] = True
    return split.take(~taken), split.take(taken)


def choose(split: Split, number: int, seed: int) -> Split:
    """Draws `number` samples that stand for the rest, every class as often as every other while they last.

    They drive reconstruction and quantization ranges: test data is never passed in here.
    """
    order = np.random.default_rng(seed).permutation(len(split))
    labels = split.labels
    if labels is not None and labels.ndim == 1:
        # The n-th sample of each class comes before the n+1-th of any: a stable sort by that rank.
        rank = np.empty(len(order), int)
        seen: dict[int, int] = {}
        for place, label in enumerate(labels[order].tolist()):
            rank[place] = seen[label] = seen.get(label, -1) + 1
        order = order[np.argsort(rank, kind="stable")]
    return split.take(np.sort(order[:number]))


def _classes(split: Split) -> np.ndarray | None:
    """Class numbers (N,) where each sample has one; one-hot rows tell them too."""
    y = split.labels
    if y is None or not len(y):
        return None
    if y.ndim == 1:
        return y if y.dtype.kind in "iu" else None
    one_hot = y.ndim == 2 and y.shape[1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
    return np.asarray(y.argmax(axis=1)) if one_hot else None
