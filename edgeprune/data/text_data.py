"""Texts by split to a `Dataset`, tokenized with the model's own vocabulary where it lies with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeprune.data import folders
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, build_dataset
from edgeprune.data.labels import RawTargets
from edgeprune.data.text import strings, text_preprocessing


def read_texts(
    parts: Mapping[str, tuple[Sequence[str], RawTargets]], request: DataRequest, *,
    classes: Sequence[str] | None = None, notes: tuple[str, ...] = (), skipped: tuple[str, ...] = (),
) -> Dataset:
    """A `Dataset` of texts and their labels; `classes` are names in order, where the source knows them."""
    path, vocabulary = request.path, model_vocabulary(request.path)
    return build_dataset(
        request, "text", {split: (strings(texts), y) for split, (texts, y) in parts.items()},
        lambda train: text_preprocessing(train.x, request.first_input, vocabulary),
        name=path.name.partition(".")[0], source=path.name,
        classes=folders.listed_labels(path) or classes, notes=notes, skipped=skipped,
    )


def model_vocabulary(path: Path) -> str | None:
    """The text of the `vocab.txt` that lies with the data."""
    file = folders.beside(path, "vocab.txt")
    return folders.text_of(file, "One token a line, UTF-8.") if file.is_file() else None
