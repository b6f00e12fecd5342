"""Files and folders below a folder, and the texts beside data; no link leads out of the folder.

Names are bytes of unknown origin: hidden files, files of other kinds and what operating systems leave behind
are passed over, and anything that is no regular file (a pipe, a device) is never opened.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeprune.errors import InputError, shown, unreadable

_DEEPEST, _NAMED = 20, 10
_LEFT_BEHIND = frozenset((
    "__macosx", "__pycache__", "thumbs.db", "desktop.ini", "lost+found", "@eadir", "$recycle.bin",
    "system volume information",
))
"""Of operating systems, in small letters; what begins with a dot is left behind, too."""


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in it, sorted, without hidden ones."""
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir())


def is_left_behind(name: str) -> bool:
    """Whether a file or folder is hidden, or made by an operating system and not by people."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return [entry for entry in os.scandir(folder) if not is_left_behind(entry.name)]
    except OSError as error:
        raise unreadable(folder, error, "A folder is expected.", "Check its name and rights.") from error


def files_below(folder: Path, suffixes: Sequence[str], root: Path, depth: int = 0) -> Iterator[Path]:
    """Regular files that end in one of `suffixes`, at any depth; no link may lead out of `root`."""
    if depth > _DEEPEST:
        raise InputError(
            f"{folder} is nested {depth} deep.", "The files of a class are expected in its folder.",
            "Move them."
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


def class_order(places: Sequence[Path], found: Sequence[str]) -> tuple[str, ...]:
    """The classes as labels.txt in the first of `places` that has it lists them; else those found, sorted.

    It may list more than there are; the model decides whether that is right.
    """
    for place in places:
        for listed in (_lines_of_labels(place), listed_labels(place)):  # a class may be called "0 cat"
            if listed and set(found) <= set(listed):
                return listed
        if listed:
            lacking = [name for name in found if name not in listed]
            raise InputError(
                f"{place / 'labels.txt'} lists {', '.join(listed[:_NAMED])}"
                + (f" and {len(listed) - _NAMED} more." if len(listed) > _NAMED else "."),
                f"There are folders that it does not list: {', '.join(lacking[:_NAMED])}.",
                "Correct the list, or rename the folders.",
            )
    return tuple(sorted(found))


def _unnumbered(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines such as ``0 cat`` in the order of their numbers, counting from 0 or 1; else the lines."""
    found = [re.fullmatch(r"([0-9]{1,6})[\s:,]+(.+)", line) for line in lines]
    names = {int(match[1]): match[2].strip() for match in found if match}
    first = min(names, default=0)
    if first > 1 or set(names) != set(range(first, first + len(lines))):
        return tuple(lines)
    return tuple(names[number] for number in sorted(names))


def skipped(folder: Path, suffixes: Sequence[str]) -> str:
    """A sentence that counts the files of other kinds, by their endings; empty where there are none."""
    endings, every = collections.Counter[str](), 0
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if not is_left_behind(name)]
        for name in names:
            if is_left_behind(name) or (name == "labels.txt" and Path(place) == folder):
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
    """The classes or tags in the model's order, out of a `labels.txt` that lies with the data; else none.

    Raises:
        InputError: it cannot be read, or lists a class twice.
    """
    listed = _unnumbered(_lines_of_labels(path))
    if twice := [name for name in dict.fromkeys(listed) if listed.count(name) > 1]:
        raise InputError(
            f"{beside(path, 'labels.txt')} lists {twice[0]!r} twice.", "Each class once is expected.",
            "Correct the list.",
        )
    return listed


def _lines_of_labels(path: Path) -> tuple[str, ...]:
    listed = beside(path, "labels.txt")
    if not listed.is_file():
        return ()
    _check_inside(listed, listed.parent)
    lines = text_of(listed, "A class a line, UTF-8.").lstrip("\ufeff").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def text_of(path: Path, expected: str) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error, expected) from error
