"""A table, or a folder with one table a split, to a `Dataset`: texts, files, tags or rows of numbers.

Rows of numbers are standardized by the training rows' mean and deviation, unless the model does so
itself; texts are tokenized with a vocabulary of the training texts, or with the `vocab.txt` beside the data.
What becomes of gaps is stated (`--missing`); `edgeprune.data.column_roles` tells which column is what.
"""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data import folders, tables
from edgeprune.data.boxes import is_coco
from edgeprune.data.column_roles import ColumnRoles, content_roles, stated, takes_columns
from edgeprune.data.columns import Column
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.file_lists import SUFFIXES, file_column, listed_files, read_file_list
from edgeprune.data.number_rows import read_number_rows
from edgeprune.data.paired_tables import paired_tables, read_pair
from edgeprune.data.splits import ALIASES, NAMES, split_of_name
from edgeprune.data.table import Table, joined, table_of, unlike
from edgeprune.data.table_rows import class_names, labels_of, without_gaps
from edgeprune.data.tag_data import read_tags, tag_columns
from edgeprune.data.text_data import model_vocabulary, read_texts
from edgeprune.errors import InputError, shown
from edgeprune.recipe.sections import DataSettings

_SHARD = re.compile(r"[-_.]\d+([-_.]of[-_.]\d+)?$", re.IGNORECASE)


def read_table_data(request: DataRequest) -> Dataset:
    """Reads a table or a folder of tables called train, validation (valid, val, dev) and test."""
    return _read(_parts(request.path), request)


def table_options(settings: DataSettings) -> list[str]:
    """Options for tables that are stated."""
    options = {
        "--label": settings.label, "--features": settings.features, "--drop": settings.drop,
        "--missing": settings.missing != "refuse",
    }
    return [option for option, value in options.items() if value]


def is_frame(given: object, request: DataRequest) -> bool:
    """Whether something is a frame of pandas whose columns are more than the model's inputs."""
    frames = sys.modules.get("pandas")
    if frames is None or not isinstance(given, frames.DataFrame):
        return False
    signature, columns = request.signature, [str(name) for name in given.columns]
    if signature is None or table_options(request.settings):
        return bool(table_options(request.settings))
    if len(signature.inputs) > 1:
        return {one.name for one in signature.inputs} != set(columns)
    return math.prod(size or 0 for size in signature.inputs[0].shape) not in (0, len(columns))


def read_frame(given: Any, request: DataRequest) -> Dataset:
    """Reads a frame of pandas as a table; its index is none of its columns."""
    cells = {str(name): given[name].astype(object).to_numpy() for name in given.columns}
    return _read(_by_split(table_of(Path(request.source), cells, range(len(given)), "row")), request)


def _read(parts: Mapping[str, Table], request: DataRequest) -> Dataset:
    train, settings, signature = parts["train"], request.settings, request.signature
    tagged = tag_columns(train, signature)
    if tagged is not None:
        return read_tags(parts, tagged, model_vocabulary(request.path), request)
    if not takes_columns(train, signature) and (files := file_column(train, settings)) is not None:
        roles = content_roles(train, files, settings, signature)
        return read_file_list(without_gaps(parts, roles, settings), roles, request)
    text = _text_column(train, request)
    if text is None:
        return read_number_rows(parts, request)
    return _texts(parts, content_roles(train, text, settings, signature), request)


def is_folder_of_tables(source: str) -> bool:
    """Whether a folder has a table called as the training split is, or features and labels in two."""
    folder = Path(source)
    return folder.is_dir() and (bool(paired_tables(folder)) or any(
        _split_of(file) == "train" for file in folder.iterdir() if tables.is_table(file)
    ))


def is_table_file(source: str) -> bool:
    """Whether a file is a table; `.json` may also hold COCO's annotations."""
    path = Path(source)
    is_json = path.suffix.lower() == ".json" and not is_coco(source)
    return path.is_file() and (tables.is_table(path) or is_json)


def listed_below(path: Path) -> list[Path]:
    """The files that a table lists, or all tables of a folder of tables; none for any other source."""
    if path.is_file():
        return listed_files(path) if is_table_file(str(path)) else []
    parts = _files(path).values() if is_folder_of_tables(str(path)) else []
    return [one for part in parts for file in part for one in listed_files(file)]


def is_folder_with_list(source: str) -> bool:
    """Whether a folder has one table, in itself or in a folder of it, which lists files, and no classes."""
    root = Path(source)
    if not root.is_dir() or (table := _only_table(root)) is None:
        return False
    try:
        classes = [name for name in folders.subfolders(root) if split_of_name(name) is None]
        below = (folders.files_below(root / name, SUFFIXES, root) for name in classes)
        return sum(next(one, None) is not None for one in below) < 2 and bool(listed_files(table))
    except InputError:
        return False


def read_folder_with_list(request: DataRequest) -> Dataset:
    """Reads the files that the only table of a folder lists."""
    table = _only_table(request.path)
    return read_table_data(request) if table is None else _read(_parts(table), request)


def _only_table(root: Path) -> Path | None:
    """The one table of a folder, else the one in a folder of it, as ESC-50's `meta/esc50.csv`."""
    found = [file for file in root.iterdir() if is_table_file(str(file))]
    if not found:
        below = (root / name for name in folders.subfolders(root))
        found = [file for folder in below for file in folder.iterdir() if tables.is_table(file)]
    return found[0] if len(found) == 1 else None


def _split_of(file: Path) -> str | None:
    return ALIASES.get(_SHARD.sub("", file.name.partition(".")[0]).lower())


def _files(path: Path) -> dict[str, list[Path]]:
    if path.is_file():
        return {"train": [path]}
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        split = _split_of(file)
        if split and tables.is_table(file):
            before = found.setdefault(split, [])
            if before and not _SHARD.search(file.name.partition(".")[0]):
                raise InputError(
                    f"{shown(path)} has {before[0].name} and {file.name}.", "One table a split is expected.",
                    "Remove one.",
                )
            before.append(file)
    return found


def _parts(path: Path) -> dict[str, Table]:
    """Tables by split, all of the same columns."""
    if path.is_dir() and (pairs := paired_tables(path)):
        read = {split: read_pair(*pair) for split, pair in pairs.items()}
        used = {file for pair in pairs.values() for file in pair}
    else:
        files = _files(path)
        read = {split: joined([tables.read_table(file) for file in part]) for split, part in files.items()}
        used = {file for part in files.values() for file in part}
    if path.is_dir() and (others := _other_tables(path, used)):
        note = f"Tables of {shown(path.name)} that are not used: {', '.join(map(shown, others))}."
        read["train"] = dataclasses.replace(read["train"], notes=(*read["train"].notes, note))
    for table in read.values():
        if set(table.columns) != set(read["train"].columns):
            raise unlike(read["train"], table)
    return read if len(read) > 1 else _by_split(read["train"])


def _other_tables(path: Path, used: Collection[Path]) -> list[str]:
    return sorted(file.name for file in path.iterdir() if tables.is_table(file) and file not in used)


def _by_split(table: Table) -> dict[str, Table]:
    """The parts that a column of splits names; the whole table where there is no such column."""
    column = tables.named(table, tables.SPLITS)
    if column is None or table.columns[column].kind != "words":
        return {"train": table}
    words = table.columns[column].words
    rows = np.array([ALIASES.get(word.lower(), "") for word in words])
    if (rows == "").any():
        raise InputError(
            f"{shown(table.path)}: column {shown(column)!r} holds {shown(words[rows == ''][0])[:40]!r} in "
            f"{table.where(rows == '')}.", "train, validation or test is expected.",
            f"Correct the column, or pass --drop {shown(column)}.",
        )
    rest = {name: one for name, one in table.columns.items() if name != column}
    whole = Table(table.path, rest, table.places, table.unit, table.notes, table.classes)
    return {split: whole.take(np.flatnonzero(rows == split)) for split in NAMES if split in rows}


def _text_column(table: Table, request: DataRequest) -> str | None:
    """The column of texts, as stated, by its name, or the only one of long texts; None for numbers."""
    settings, signature = request.settings, request.signature
    if settings.features and (signature is None or signature.is_text):
        found = stated(settings.features, table, "--features")
        return found[0] if len(found) == 1 and table.columns[found[0]].kind in ("words", "dates") else None
    out = {*stated(settings.drop, table, "--drop"), *stated(settings.label, table, "--label")}
    words = {name: one for name, one in table.columns.items() if name not in out and one.kind == "words"}
    by_name = tables.named(Table(table.path, words, table.places, table.unit), tables.TEXTS)
    if signature is not None and not signature.is_text:  # else a table of numbers with some texts in it
        return by_name if len(table.columns) - len(words) <= len(words) else None
    if by_name is not None:
        return by_name
    long = [name for name, one in words.items() if name.lower() not in tables.LABELS and _is_long(one)]
    if not long and signature is not None and signature.is_text:
        long = [name for name, one in words.items() if name.lower() not in tables.LABELS]
    return long[0] if len(long) == 1 else None


def _is_long(column: Column) -> bool:
    """Texts are told from class names by blanks: most of them have several words."""
    return bool(np.mean([" " in word for word in column.words]) > 0.5)


def _texts(parts: Mapping[str, Table], roles: ColumnRoles, request: DataRequest) -> Dataset:
    parts = without_gaps(parts, roles, request.settings)
    (text,) = roles.features
    table = parts["train"]
    y = labels_of(parts, roles, request.signature)
    texts = {
        split: ([str(cell) for cell in one.columns[text].cells], y[split]) for split, one in parts.items()
    }
    return read_texts(
        texts, request, classes=class_names(parts, roles, request.signature, request.path),
        notes=(*table.notes, roles.note(f"Texts are in column {shown(text)!r}.")), skipped=(roles.skipped(),),
    )
