"""How a folder is laid out: what is a split, what a class, and what is neither.

    FOLDER/cat/1.jpg  FOLDER/dog/2.jpg                    classes; the splits are drawn
    FOLDER/train/cat/1.jpg  FOLDER/test/dog/2.jpg         splits as they are, called as in `split_of_name`
    FOLDER/pets/train/cat/1.jpg                           the same: a folder that only wraps another is opened
    FOLDER/train/1.jpg  FOLDER/test/2.jpg                 splits without labels

A class may be called "train": a split holds folders of classes and no files. Folders that hold folders of the
same names are never classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeprune.data.folders import files_below, is_left_behind, subfolders
from edgeprune.data.labels import check_class_name
from edgeprune.data.splits import split_of_name
from edgeprune.errors import InputError, shown

BESIDE = ("annotations", "annotation", "metadata", "docs", "csv", "json", "xml")
"""Folders beside classes that may hold none of the files."""
_DEEPEST = 5
ByClass = Mapping[str, Sequence[Path]]


@dataclasses.dataclass(frozen=True)
class FolderLayout:
    """Files by split and class; under the class "" where there are no labels."""

    root: Path  # where classes or splits lie
    parts: Mapping[str, ByClass]
    notes: tuple[str, ...] = ()  # on what is taken for what
    skipped: tuple[str, ...] = ()  # on files that are left out

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes of all splits, sorted; none where there are no labels."""
        return tuple(sorted({name for part in self.parts.values() for name in part if name}))


def layout_of(folder: Path, suffixes: Sequence[str], aside: Sequence[str] = ()) -> FolderLayout:
    """Reads the layout of a folder of files that end in `suffixes`.

    Args:
        aside: folders that are neither a class nor a split, such as noise.

    Raises:
        InputError: a class without files, splits under unknown names, or links out of the folder.
    """
    root = unwrapped(folder, suffixes, aside)
    tree = _Tree(folder, root, suffixes, aside)
    names = {name: split_of_name(name) for name in tree.children(root)}
    notes = () if root == folder else (f"{shown(root.relative_to(folder))} holds the data.",)
    if tree.is_split(names):
        layout = _split(tree, names)
    else:
        tree.check_no_groups(names)
        layout = FolderLayout(root, {"train": tree.by_class(root)}, skipped=(tree.loose(root),))
    skipped = tuple(filter(None, layout.skipped))
    return dataclasses.replace(layout, notes=(*notes, *layout.notes), skipped=skipped)


def unwrapped(
    folder: Path, suffixes: Sequence[str], aside: Sequence[str] = (), *, within: str | None = None
) -> Path:
    """The folder itself, or the one below it that holds folders where nothing lies on the way.

    A folder called as a split is opened inside of that split alone, `within`.
    """
    place = folder
    for _ in range(_DEEPEST):
        tree = _Tree(folder, place, suffixes, aside)
        inner = tree.children(place)
        if len(inner) != 1 or tree.direct(place) or any((place / name).is_dir() for name in aside):
            return place
        below = place / inner[0]
        split = split_of_name(inner[0])
        if tree.direct(below) or not tree.children(below) or split not in (None, within):
            return place
        place = below
    return place


def _split(tree: _Tree, names: Mapping[str, str | None]) -> FolderLayout:
    """Splits as they are."""
    splits = _by_split(tree.root, names)
    labelled = {name for name in splits.values() if not tree.direct(tree.root / name)}
    parts: dict[str, ByClass] = {}
    skipped = [
        f"{shown(name)}/ is not a split: its {tree.count(tree.root / name)} files are left out."
        for name in names if name not in splits.values()
    ]
    for split, name in splits.items():
        place = tree.inner(name) if name in labelled else tree.root / name
        if name in labelled:
            parts[split] = tree.by_class(place, strict=split == "train")
            skipped.append(tree.loose(place))
        elif not labelled:
            parts[split] = {"": tree.files(place)}
        else:
            count = tree.count(place)
            skipped.append(f"{shown(name)}/ has no folders of classes: its {count} files are left out.")
    if not any(parts.get("train", {}).values()):
        raise InputError(
            f"{shown(splits['train'])}/ of {tree.root} has no folders of classes with files.",
            "The training split is expected to have them.", "Sort its files into folders of classes.",
        )
    listed = ", ".join(f"{shown(splits[split])}/ is the {split} split" for split in parts)
    return FolderLayout(tree.root, parts, (f"{listed}.",), (*skipped, tree.loose(tree.root)))


def _by_split(root: Path, names: Mapping[str, str | None]) -> dict[str, str]:
    """The folder of each split."""
    found: dict[str, list[str]] = {}
    for name, split in names.items():
        if split is not None:
            found.setdefault(split, []).append(name)
    tests = found.get("test", [])
    evaluation = [name for name in tests if "eval" in name.lower()]
    if len(tests) == 2 and len(evaluation) == 1 and "validation" not in found:
        found["validation"] = evaluation
        found["test"] = [name for name in tests if name not in evaluation]
    for split, folders in found.items():
        if len(folders) > 1:
            raise InputError(
                f"{root} has the folders {' and '.join(map(shown, folders))}, all for the {split} split.",
                "One folder for each of train, validation and test is expected.", "Merge or rename them.",
            )
    return {split: found[split][0] for split in ("train", "validation", "test") if split in found}


@dataclasses.dataclass(frozen=True)
class _Tree:
    """Folders below `root` as far as they hold files of the given endings; no link leads out of `top`."""

    top: Path
    root: Path
    suffixes: Sequence[str]
    aside: Sequence[str] = ()

    def children(self, place: Path) -> list[str]:
        """Folders that hold files, however deep, or nothing at all."""
        return [
            name for name in subfolders(place) if name not in self.aside
            and (name.lower() not in BESIDE or self.holds(place / name))
        ]

    def holds(self, place: Path) -> bool:
        return next(files_below(place, self.suffixes, self.top), None) is not None

    def direct(self, place: Path) -> list[Path]:
        """Files that lie in the folder itself."""
        return [
            path for path in sorted(place.iterdir()) if path.name.lower().endswith(tuple(self.suffixes))
            and not is_left_behind(path.name) and path.is_file()
        ]

    def inner(self, name: str) -> Path:
        """Where the classes of a split lie: in its folder, or in one that this only wraps."""
        return unwrapped(self.root / name, self.suffixes, within=split_of_name(name))

    def files(self, place: Path) -> list[Path]:
        return sorted(files_below(place, self.suffixes, self.top))

    def count(self, place: Path) -> int:
        return len(self.files(place))

    def nested(self, name: str) -> bool:
        """Whether a folder holds nothing but folders that hold files."""
        place = self.root / name
        return not self.direct(place) and any(self.holds(place / one) for one in self.children(place))

    def is_split(self, names: Mapping[str, str | None]) -> bool:
        """Whether folders of these names are splits."""
        train = [name for name, split in names.items() if split == "train"]
        others = [name for name, split in names.items() if split not in ("train", None)]
        if not train:
            return False
        if not any(self.nested(name) for name in train):  # a class may be called so, beside classes
            return bool(others) and None not in names.values()
        return len(names) == len(train) or bool(others) or self.alike(names)

    def alike(self, names: Mapping[str, str | None]) -> bool:
        """Whether all folders hold folders of the same names, and nothing else."""
        inside = [tuple(self.children(self.inner(name))) for name in names]
        return len(names) > 1 and len(set(inside)) == 1 and all(self.nested(name) for name in names)

    def check_no_groups(self, names: Mapping[str, str | None]) -> None:
        """Refuses splits without one to train on, and folders that hold folders of the same names."""
        if names and None not in names.values() and any(map(self.nested, names)):
            raise InputError(
                f"{self.root} has {', '.join(map(shown, names))} and no training split.",
                "A folder called train is expected beside them.", "Add it, or rename one.",
            )
        if self.alike(names):
            inner = self.children(self.root / next(iter(names)))
            raise InputError(
                f"The folders {', '.join(map(shown, names))} of {self.root} hold folders of the same names "
                f"({', '.join(map(shown, inner[:5]))}), so these are the classes.",
                "Splits are called train, validation and test.", "Rename them, or merge them into one.",
            )

    def loose(self, place: Path) -> str:
        """A sentence on files that lie in no folder of a class."""
        outside = len(self.direct(place))
        where = shown(place.relative_to(self.top)) if place != self.top else shown(place.name)
        return f"{outside} files of {where}/ lie in no folder of a class and are left out." if outside else ""

    def by_class(self, place: Path, *, strict: bool = True) -> ByClass:
        """Files of each folder, sorted by their paths."""
        classes = {}
        for name in self.children(place):
            check_class_name(name)
            classes[name] = self.files(place / name)
            if strict and not classes[name]:
                raise InputError(
                    f"Class {name!r} of {place} is empty.",
                    f"Files that end in {', '.join(self.suffixes)} are expected.",
                    "Add some, or remove the folder.",
                )
        if not classes:
            expected = "One folder for each class is expected."
            raise InputError(f"{place} has no folders.", expected, "Sort the files into them.")
        return classes
