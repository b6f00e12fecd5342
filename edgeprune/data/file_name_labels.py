"""Classes that stand in the names of files, where no folder and no list has them.

    cat.0.jpg, dog.0.jpg                before the number    Dogs vs. Cats
    great_pyrenees_10.jpg               before the number    Oxford-IIIT Pets
    0_jackson_0.wav                     the first word       Free Spoken Digits
    1-100032-A-0.wav                    the last word        ESC-50

Such a guess counts only where it gives as many classes as the model tells apart, and several files of each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders
from edgeprune.data.model_signature import ModelSignature
from edgeprune.errors import shown

_FEWEST = 2  # files of a class
_BETWEEN = re.compile(r"[\W_]+")
_NUMBERED = re.compile(r"(.*?[^\W\d_])[\W_]*\d+[\W_]*")
_NAMED = 10


def _before_number(stem: str) -> str:
    found = _NUMBERED.fullmatch(stem)
    return found[1] if found else ""


_PLACES: dict[str, Callable[[str], str]] = {
    "what stands before the number": _before_number,
    "the first word": lambda stem: _BETWEEN.split(stem)[0],
    "the last word": lambda stem: _BETWEEN.split(stem)[-1],
}


def labels_in_names(
    paths: Sequence[Path], folder: Path, signature: ModelSignature | None
) -> tuple[tuple[str, ...], np.ndarray, str] | None:
    """Classes in order, (N,) class numbers and a sentence on where they stand; None where names have none."""
    classes = signature.classes() if signature is not None and len(signature.each_output) == 1 else 0
    if classes < 2:
        return None
    found: list[tuple[str, list[str]]] = []
    for place, word_of in _PLACES.items():
        words = [word_of(path.stem) for path in paths]
        counts = Counter(words)
        if len(counts) == classes and "" not in counts and min(counts.values()) >= _FEWEST:
            found.append((place, words))
    if not found or any(_grouping(words) != _grouping(found[0][1]) for _, words in found):
        return None
    place, words = found[0]
    order = folders.class_order((folder,), sorted(set(words)))
    listed = ", ".join(map(shown, order[:_NAMED])) + (" and others" if len(order) > _NAMED else "")
    note = f"No folder names a class; {place} in each file's name is taken for it: {listed}."
    return order, np.array([order.index(word) for word in words], np.int64), note


def _grouping(words: Sequence[str]) -> list[int]:
    """Which files belong together, whatever they are called."""
    first: dict[str, int] = {}
    return [first.setdefault(word, row) for row, word in enumerate(words)]
