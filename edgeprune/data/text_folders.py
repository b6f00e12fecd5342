"""Folders of texts by class to a `Dataset`.

    FOLDER/pos/1.txt  FOLDER/neg/2.txt               a text a file; the splits are drawn
    FOLDER/train/pos/1.txt  FOLDER/test/neg/2.txt    splits as they are, as in aclImdb
    FOLDER/pos.txt  FOLDER/neg.txt                   a text a line
    FOLDER/train/pos.txt  FOLDER/test/neg.txt        the same, with splits

Folders of texts without labels (``unsup``) are left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders
from edgeprune.data.csv_files import decoded
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.file_reader import FileReader
from edgeprune.data.labels import check_class_name
from edgeprune.data.splits import split_of_name
from edgeprune.data.text_data import read_texts
from edgeprune.errors import InputError, UnreadableError, shown, unreadable

SUFFIXES = (".txt",)
_UNLABELLED = ("unsup", "unlabeled", "unlabelled", "unsupervised")
_NO_CLASS = ("labels.txt", "vocab.txt", "classes.txt", "requirements.txt")
_NO_CLASSES = ("readme", "license", "licence", "notes", "changelog", "urls_")
_MOST_BYTES = 1 << 28
ByClass = Mapping[str, Sequence[Path]]


def is_text_folder(source: str) -> bool:
    """Whether a folder, or its training split, has texts by class."""
    root = Path(source)
    return root.is_dir() and bool(_by_class(_splits(root).get("train", root), root))


def read_text_folder(request: DataRequest) -> Dataset:
    """A `Dataset` of all texts below a folder."""
    root = request.path
    places = _splits(root) or {"train": root}
    parts = {split: _by_class(place, root) for split, place in places.items()}
    bare = {name: len(paths) for name, paths in parts["train"].items() if name.lower() in _UNLABELLED}
    classes = sorted({name for part in parts.values() for name in part} - bare.keys())
    for name in classes:
        check_class_name(name)
    if len(classes) < 2:
        raise InputError(
            f"{shown(root)} has texts of one class, {shown(', '.join(classes))}.",
            "A folder or a file of texts for each class is expected.", "Add the others.",
        )
    read = FileReader(request, sum(len(part.get(name, ())) for part in parts.values() for name in classes))
    made = {split: _texts(part, classes, read, by_line=not _inside(places[split], root))
            for split, part in parts.items()}
    used = {path for part in parts.values() for name in classes for path in part.get(name, ())}
    named = {split: shown(place.name) for split, place in places.items() if place != root}
    notes = [f"{name}/ is the {split} split." for split, name in named.items()]
    skipped = [f"{shown(name)}/ holds {count} texts without labels: they are left out."
               for name, count in bare.items()]
    loose = [path for path in folders.files_below(root, SUFFIXES, root) if path not in used]
    loose = [path for path in loose if path.parent.name.lower() not in _UNLABELLED]
    others = ", ".join(shown(path.name) for path in sorted(loose)[:5] if path.name not in _NO_CLASS)
    skipped += [f"Texts that are of no class: {others}."] if others else []
    return read_texts(
        made, request, notes=tuple(notes),
        skipped=(*skipped, folders.skipped(root, SUFFIXES), read.settle()),
    )


def _splits(root: Path) -> dict[str, Path]:
    """Folders that are splits, where one of them trains."""
    found = {split_of_name(name): root / name for name in folders.subfolders(root)}
    places = {split: place for split, place in found.items() if split is not None}
    return places if "train" in places and _by_class(places["train"], root) else {}


def _by_class(place: Path, root: Path) -> ByClass:
    """Texts of each folder; of each file, where no folder has any."""
    if inside := _inside(place, root):
        return inside
    files = {
        path.stem: [path] for path in sorted(place.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.name.lower() not in _NO_CLASS
        and not path.name.lower().startswith((".", *_NO_CLASSES))
    }
    return files if len(files) > 1 else {}


def _inside(place: Path, root: Path) -> ByClass:
    """Files of each folder that has some."""
    names = folders.subfolders(place)
    found = {name: sorted(folders.files_below(place / name, SUFFIXES, root)) for name in names}
    return {name: paths for name, paths in found.items() if paths}


def _texts(
    part: ByClass, classes: Sequence[str], read: FileReader, *, by_line: bool
) -> tuple[list[str], np.ndarray]:
    """Texts and their classes."""
    items = [(path, name) for name in classes for path in part.get(name, ())]
    contents = [""] * len(items)

    def fill(row: int) -> None:
        contents[row] = _text(items[row][0])

    kept = read.each(items, fill)
    texts: list[str] = []
    y: list[str] = []
    for (_, name), content, is_kept in zip(items, contents, kept, strict=True):
        if is_kept:
            found = [line for line in content.splitlines() if line.strip()] if by_line else [content]
            texts += found
            y += [name] * len(found)
    return texts, np.array(y)


def _text(path: Path) -> str:
    """The text of a file, in UTF-8 or Windows-1252."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UnreadableError(path, "it is larger than 256 MB", "A text is expected.", "Cut it.")
        text, _ = decoded(path.read_bytes(), path)
    except OSError as error:
        raise unreadable(path, error, "A text is expected.", "Check its rights.") from error
    if not text.strip():
        raise UnreadableError(path, "it is empty", "A text is expected.", "Fill it, or take it out.")
    return text
