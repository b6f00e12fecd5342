"""Files of a folder by class, and by split where it has them; no link leads out of the folder.

    FOLDER/cat/1.jpg  FOLDER/dog/2.jpg               classes; the splits are drawn
    FOLDER/train/cat/1.jpg  FOLDER/test/dog/2.jpg    splits as they are (train, validation or val, test)
    FOLDER/labels.txt                                the classes in the model's order; else alphabetical

Names are bytes of unknown origin: hidden files and files of other kinds are passed over, a class is
called by printable text, and anything that is no regular file (a pipe, a device) is never opened.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgeprune.data.labels import check_class_name
from edgeprune.data.splits import ALIASES
from edgeprune.errors import InputError, shown, unreadable

_DEEPEST = 20
ByClass = Mapping[str, Sequence[Path]]


def by_split(folder: Path, suffixes: Sequence[str]) -> dict[str, ByClass]:
    """Files by class under ``train``, and under ``validation`` and ``test`` where there are such folders."""
    names = subfolders(folder)
    splits = {ALIASES.get(name.lower()) for name in names}
    if "train" in splits and None not in splits:
        return {ALIASES[name.lower()]: by_class(folder / name, suffixes, folder) for name in names}
    return {"train": by_class(folder, suffixes, folder)}


def by_class(folder: Path, suffixes: Sequence[str], root: Path, skip: str = "") -> ByClass:
    """Files of each subfolder but `skip`, sorted by their paths."""
    classes = {}
    for name in subfolders(folder):
        if name == skip:
            continue
        check_class_name(name)
        classes[name] = sorted(files_below(folder / name, suffixes, root))
        if not classes[name]:
            raise InputError(
                f"Class {name!r} of {folder} is empty.",
                f"Files that end in {', '.join(suffixes)} are expected.", "Add some, or remove the folder.",
            )
    if not classes:
        expected = "One folder for each class is expected."
        raise InputError(f"{folder} has no folders.", expected, "Sort the files into them.")
    return classes


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in it, sorted, without hidden ones."""
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error, "A folder is expected.", "Check its name and rights.") from error


def files_below(folder: Path, suffixes: Sequence[str], root: Path, depth: int = 0) -> Iterator[Path]:
    """Regular files that end in one of `suffixes`, at any depth; no link may lead out of `root`."""
    if depth > _DEEPEST:
        raise InputError(
            f"{folder} is nested {depth} deep.", "Files of a class lie in its folder.", "Move them."
        )
    _check_inside(folder, root)
    for entry in _entries(folder):
        path = Path(entry.path)
        if entry.is_symlink():
            _check_inside(path, root)
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(path, suffixes, root, depth + 1)
        elif entry.name.lower().endswith(tuple(suffixes)) and entry.is_file():
            yield path


def _check_inside(path: Path, root: Path) -> None:
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise InputError(
            f"{shown(path)} is a link that leaves {root}.", "Files inside the folder are expected.",
            "Copy what it points to, or remove the link.",
        )


def class_order(folder: Path, found: Sequence[str], source: str = "The folders are") -> tuple[str, ...]:
    """The classes as labels.txt lists them; else sorted."""
    listed = listed_labels(folder) if (folder / "labels.txt").is_file() else tuple(sorted(found))
    if sorted(listed) != sorted(found):
        listed = _unnumbered(listed)
    if sorted(listed) != sorted(found):
        raise InputError(
            f"{folder / 'labels.txt'} lists {', '.join(listed)}.",
            f"{source} {', '.join(sorted(found))}.", "Make them the same.",
        )
    return listed


def _unnumbered(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines such as ``0 cat`` in the order of their numbers, where these are 0, 1, 2 ...; else the lines."""
    found = [re.fullmatch(r"([0-9]{1,6})[\s:,]+(.+)", line) for line in lines]
    names = {int(match[1]): match[2].strip() for match in found if match}
    if set(names) != set(range(len(lines))):
        return tuple(lines)
    return tuple(names[number] for number in range(len(lines)))


def skipped(folder: Path, suffixes: Sequence[str]) -> str:
    """A sentence that counts the files of other kinds, by their endings; empty where there are none."""
    endings, every = collections.Counter[str](), 0
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if name.startswith(".") or (name == "labels.txt" and Path(place) == folder):
                continue
            every += 1
            if not name.lower().endswith(tuple(suffixes)):
                endings[Path(name).suffix.lower() or "without an ending"] += 1
    if not endings:
        return ""
    listed = ", ".join(f"{count} {shown(ending)}" for ending, count in endings.most_common(5))
    more = ", and others" if len(endings) > 5 else ""
    return f"{endings.total()} of {every} files were skipped: {listed}{more}."


def beside(path: Path, name: str) -> Path:
    """The file `name` in a folder of data, or beside a file of data."""
    return (path.parent if path.is_file() else path) / name


def listed_labels(path: Path) -> tuple[str, ...]:
    """The classes or tags in the model's order, out of a `labels.txt` that lies with the data; else none."""
    listed = beside(path, "labels.txt")
    if not listed.is_file():
        return ()
    _check_inside(listed, listed.parent)
    lines = text_of(listed, "A class a line, UTF-8.").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def text_of(path: Path, expected: str) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error, expected) from error
