"""Pictures and the files that belong to them, by split: masks, or boxes as text or XML.

    FOLDER/images/a.jpg        FOLDER/masks/a.png            the splits are drawn
    FOLDER/images/train/a.jpg  FOLDER/masks/train/a.png      splits as they are
    FOLDER/train/images/a.jpg  FOLDER/train/masks/a.png      the same, also in a folder that holds only them

A file belongs to the picture of the same name; ``_mask`` and the like at the end of its name are passed over.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeprune.data.folders import files_below, subfolders
from edgeprune.data.splits import split_of_name
from edgeprune.errors import InputError

PICTURE_FOLDERS = ("images", "image", "img", "imgs", "jpegimages", "pictures", "photos")
_ENDING = re.compile(r"[_-](mask|masks|seg|label|labels|gt|segmentation)$", re.IGNORECASE)
_DEEPEST = 3  # folders that hold nothing but one folder
_Key = tuple[str, ...]  # folders but the one that tells pictures from what belongs to them, and the name


@dataclasses.dataclass(frozen=True)
class Pair:
    """A picture, and what belongs to it."""

    picture: Path
    other: Path


@dataclasses.dataclass(frozen=True)
class Pairing:
    """All pairs by split, and how many files are alone."""

    parts: Mapping[str, Sequence[Pair]]
    bare_pictures: Sequence[Path]  # that nothing belongs to
    bare_others: Sequence[Path]


def has_folders(source: str, names: Sequence[str]) -> bool:
    """Whether a folder, or each of its splits, has one of pictures and one called as in `names`."""
    root = Path(source)
    if not root.is_dir():
        return False
    return _has_folders(root, names, deepest=_DEEPEST)


def _has_folders(root: Path, names: Sequence[str], deepest: int) -> bool:
    below = subfolders(root)
    inside = [root, *(root / name for name in below if split_of_name(name))]
    for folder in inside:
        found = {name.lower() for name in subfolders(folder)}
        if found & set(PICTURE_FOLDERS) and found & set(names):
            return True
    return len(below) == 1 and deepest > 0 and _has_folders(root / below[0], names, deepest - 1)


def pairs_below(
    root: Path, names: Sequence[str], picture_suffixes: Sequence[str], suffixes: Sequence[str]
) -> Pairing:
    """Pairs of pictures and of files in folders called as in `names`.

    Raises:
        InputError: no file has the name of a picture, or two have the same.
    """
    pictures = _by_key(root, PICTURE_FOLDERS, picture_suffixes)
    others = _by_key(root, names, suffixes)
    both = sorted(pictures.keys() & others.keys())
    if not both:
        first = next(iter(others.values()), next(iter(pictures.values()), root))
        raise InputError(
            f"{root} has {len(pictures)} pictures and {len(others)} files for them ({first.name} is one), "
            "but no two of the same name.", "Files called as the pictures they belong to are expected.",
            "Rename them.",
        )
    parts: dict[str, list[Pair]] = {}
    for key in both:
        parts.setdefault(split_of(key[:-1]), []).append(Pair(pictures[key], others[key]))
    return Pairing(
        parts if "train" in parts else {"train": [pair for part in parts.values() for pair in part]},
        [path for key, path in sorted(pictures.items()) if key not in others],
        [path for key, path in sorted(others.items()) if key not in pictures],
    )


def split_of(folders: Sequence[str]) -> str:
    """The split that one of some folders is called after; else training."""
    return next(filter(None, map(split_of_name, folders)), "train")


def _by_key(root: Path, names: Sequence[str], suffixes: Sequence[str]) -> dict[_Key, Path]:
    found: dict[_Key, Path] = {}
    for path in sorted(files_below(root, suffixes, root)):
        folders = path.relative_to(root).parts[:-1]
        place = next((i for i, name in enumerate(folders) if name.lower() in names), None)
        if place is None:
            continue
        key = (*folders[:place], *folders[place + 1:], _ENDING.sub("", path.stem))
        if key in found:
            raise InputError(
                f"{found[key]} and {path} have the same name.", "One file for each picture is expected.",
                "Remove one.",
            )
        found[key] = path
    return found
