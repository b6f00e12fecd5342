"""A table that lists files of pictures or recordings, or holds them, to a `Dataset`.

    path,label
    cats/1.jpg,cat

Paths count from the folder of the list, from the working folder, or from a folder beside the list or beside
its folder; they may be absolute, or lack their ending where all have the same. Parquet may hold the files
themselves, as the `datasets` library writes them: {"bytes": ..., "path": ...}. The files go through the
readers of those in a folder; those in the folder that nothing lists are counted.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import audio_files, folders, pictures, tables
from edgeprune.data.column_roles import ColumnRoles, stated
from edgeprune.data.columns import Column
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.embedded import EmbeddedFile, StoredFile, is_recording
from edgeprune.data.speech_folders import ClipForm, read_recordings
from edgeprune.data.table import Table
from edgeprune.data.table_rows import class_names, labels_of
from edgeprune.errors import InputError, shown
from edgeprune.recipe.sections import DataSettings

SUFFIXES = (*pictures.SUFFIXES, *audio_files.SUFFIXES)
_MOST = 0.5  # of the cells end as files do
_LOOKED_AT = 50
_FEW = 5
_LISTED = 10


def file_column(table: Table, settings: DataSettings) -> str | None:
    """The column of files: as `--features` says, or by what most of its cells are; None where there is none.

    Raises:
        InputError: there are several.
    """
    out = {*stated(settings.drop, table, "--drop"), *stated(settings.label, table, "--label")}
    folder = table.path.parent
    used = {name: one for name, one in table.columns.items() if name not in out}
    found = [name for name, one in used.items() if _lists_files(one)]
    found = found or [name for name, one in used.items() if _suffix_of(one.words, folder)]
    wanted = stated(settings.features, table, "--features")
    if wanted:
        return wanted[0] if len(wanted) == 1 and wanted[0] in found else None
    if len(found) > 1:
        usual = [name for name in found if name.strip().lower() in tables.PATHS]
        if len(usual) != 1:
            raise InputError(
                f"{shown(table.path)} has several columns of files: {', '.join(map(shown, found))}.",
                "One is expected.", "Choose it with --features NAME.",
            )
        found = usual
    return found[0] if found else None


def _lists_files(column: Column) -> bool:
    return column.kind == "files" or (column.kind == "words" and _ends_as_files(column.words))


def _ends_as_files(cells: Sequence[object] | np.ndarray) -> bool:
    ends = [str(cell).strip().lower().endswith(SUFFIXES) for cell in cells[:_LOOKED_AT]]
    return bool(ends) and sum(ends) > _MOST * len(ends)


def _suffix_of(names: np.ndarray, folder: Path) -> str:
    """The ending with which names without one are those of files; empty where they are not."""
    first = [str(name) for name in names[:_FEW]]
    if len(set(first)) < len(first):  # classes are called as their folders' files only by chance
        return ""
    places = [folder, *(folder / name for name in folders.subfolders(folder))]
    return next(
        (ending for place in places for ending in SUFFIXES
         if all(_is_file(place / f"{name}{ending}") for name in first)), "",
    )


def read_file_list(parts: Mapping[str, Table], roles: ColumnRoles, request: DataRequest) -> Dataset:
    """Reads the files that tables by split list or hold."""
    (name,), train = roles.features, parts["train"]
    found = {split: files_of(table, name) for split, table in parts.items()}
    missing = [(table, row) for split, table in parts.items()
               for row, file in enumerate(found[split]) if file is None]
    skipped = [roles.skipped()]
    if missing:
        skipped.append(_missing(missing, name, request))
        kept = {split: np.array([file is not None for file in files]) for split, files in found.items()}
        parts = {split: table.take(np.flatnonzero(kept[split])) for split, table in parts.items()}
    y = labels_of(parts, roles, request.signature)
    files = {split: [file for file in one if file is not None] for split, one in found.items()}
    if not files["train"]:
        raise InputError(f"{shown(train.path)} lists no file that is there.", "", "Correct the paths.")
    if request.path.is_dir():
        skipped.append(_unlisted(request.path, files))
    recordings = [is_recording(file, audio_files.SUFFIXES) for one in files.values() for file in one]
    if any(recordings) and not all(recordings):
        raise InputError(
            f"{shown(train.path)} lists {sum(recordings)} recordings and {len(recordings) - sum(recordings)} "
            "pictures.", "Files of one kind are expected.", "Make two lists of it.",
        )
    classes = class_names(parts, roles, request.signature, request.path)
    notes = (*train.notes, roles.note(f"Files are in column {shown(name)!r}."))
    pairs = {split: (files[split], y[split]) for split in parts}
    if not all(recordings):
        return pictures.read_picture_files(pairs, request, classes=classes, notes=notes, skipped=skipped)
    every = [file for one in files.values() for file in one]
    audio_files.require_decoder(every)
    form = ClipForm.of(every, request.signature)
    return read_recordings(pairs, form, request, classes=classes, notes=notes, skipped=skipped)


def files_of(table: Table, name: str) -> list[StoredFile | None]:
    """The file of each row; None where there is none."""
    column = table.columns[name]
    folder = table.path.parent
    if column.kind != "files":
        ending = "" if _lists_files(column) else _suffix_of(column.words, folder)
        return list(_located([f"{word}{ending}" for word in column.words], folder))
    contents = [cell if isinstance(cell, bytes) else cell["bytes"] for cell in column.cells]
    names = [None if isinstance(cell, bytes) else cell["path"] for cell in column.cells]
    if all(content is None for content in contents):
        return list(_located([str(one) for one in names], folder))
    where = f"{table.path.name}, {table.unit}"
    return [
        EmbeddedFile(f"{where} {row}", content) if isinstance(content, bytes) else None
        for row, content in zip(table.places, contents, strict=True)
    ]


def _located(names: Sequence[str], folder: Path) -> list[Path | None]:
    """Regular files, from the place where most of them are."""
    first = [_path(name) for name in names[:_LOOKED_AT]]
    beside = [place / name for place in (folder, folder.parent) for name in folders.subfolders(place)]
    places = [folder, Path.cwd(), *beside]
    counts = [sum(_is_file(place / name) for name in first) for place in places]
    place = places[counts.index(max(counts))]
    paths = [place / _path(name) for name in names]
    return [path if _is_file(path) else None for path in paths]


def _is_url(name: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*://", name.strip(), re.IGNORECASE) is not None


def _path(name: str) -> str:
    """As this system writes paths: lists are also written on Windows."""
    return name.replace("\\", "/") if os.sep == "/" and "/" not in name else name


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):  # ValueError: a NUL byte in the name
        return False


def _missing(missing: Sequence[tuple[Table, int]], name: str, request: DataRequest) -> str:
    """Refuses a list of files that are not there, or says that they are left out."""
    listed = ", ".join(
        f"{shown(_name(table.columns[name].cells[row]))[:80]} ({table.unit} {table.places[row]})"
        for table, row in missing[:_LISTED]
    )
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    if all(_is_url(_name(table.columns[name].cells[row])) for table, row in missing):
        raise InputError(
            f"{shown(request.path)} lists addresses: {listed}{more}.",
            "edgeprune reads files on this computer alone.", "Download them, and list their paths.",
        )
    if request.settings.skip_bad_files:
        return f"{len(missing)} files that are listed are not there and are left out: {listed}{more}."
    raise InputError(
        f"{shown(request.path)} lists {len(missing)} files that are not there: {listed}{more}.",
        "Paths are expected to count from the folder of the list or the working folder.",
        "Correct them, or pass --skip-bad-files to leave them out.",
    )


def _unlisted(folder: Path, files: Mapping[str, Sequence[StoredFile]]) -> str:
    """A sentence that counts the files in a folder that no table lists, by where they lie."""
    used = {os.path.realpath(file) for part in files.values() for file in part if isinstance(file, Path)}
    every = list(folders.files_below(folder, SUFFIXES, folder))
    left = [file for file in every if os.path.realpath(file) not in used]
    places = Counter(str(file.parent.relative_to(folder)) for file in left)
    if not places:
        return ""
    listed = ", ".join(f"{count} in {shown(place)}" for place, count in places.most_common(_FEW))
    return f"{places.total()} of {len(every)} files are in no list and are not used: {listed}."


def _name(cell: object) -> str:
    return str(cell.get("path")) if isinstance(cell, dict) else str(cell)


def listed_files(path: Path) -> list[Path]:
    """All files that a table lists, for a fingerprint; none where it lists none."""
    few = tables.read_table(path, rows=_LOOKED_AT)
    names = [
        name for name, one in few.columns.items()
        if (_lists_files(one) or _suffix_of(one.words, path.parent))
        and any(isinstance(file, Path) for file in files_of(few, name))
    ]
    whole = tables.read_table(path) if names else few
    return [file for name in names for file in files_of(whole, name) if isinstance(file, Path)]
