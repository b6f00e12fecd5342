"""Columns out of `.csv`, `.tsv`, `.jsonl` (also `.gz`) and `.parquet`: text, or numbers, with a label.

Which column is what goes by its name, in any case: a label is called as in `LABELS`, a text as in `TEXTS`,
the split as in `SPLITS`. Without such a name, text stands in the only column of long texts and the label
is the last column that is left.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import importlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.bundle.eval_data import free_memory_bytes
from edgeprune.errors import InputError, not_installed, unreadable

LABELS = ("label", "labels", "class", "category", "target", "y", "sentiment", "intent")
TEXTS = ("text", "sentence", "review", "content", "comment", "message", "utterance", "document")
SPLITS = ("split", "subset", "partition")
SUFFIXES = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet")
_FIELD_CHARACTERS = 1 << 24
Cell = str | float | list["Cell"] | None  # a text of CSV, or what JSON and Parquet hold
Columns = dict[str, list[Cell]]
Table = Mapping[str, Sequence[Cell]]


def is_table(path: Path) -> bool:
    """Whether the name says so."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path) -> Columns:
    """Columns by name; values are texts (CSV), or what JSON and Parquet hold."""
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    try:
        if kind == "parquet":
            columns = _parquet(path)
        elif kind == "jsonl":
            columns = _jsonl(_unpacked(path), path)
        else:
            with long_fields():
                columns = _csv(_unpacked(path), path, kind)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error, RecursionError) as error:
        raise unreadable(path, error, f"A {kind} file in UTF-8 is expected.") from error
    if not columns or not next(iter(columns.values())):
        raise InputError(f"{path} has no rows.", "A row for each sample is expected.", "Check the file.")
    return columns


@contextlib.contextmanager
def long_fields() -> Iterator[None]:
    """Lets a field of CSV be as long as a book."""
    before = csv.field_size_limit(_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _unpacked(path: Path) -> io.StringIO:
    """The text, bounded: a small `.gz` must not fill the memory."""
    limit = free_memory_bytes() // 4
    with path.open("rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
        content = unpacked.read(limit)
        if unpacked.read(1):
            raise InputError(
                f"{path} unpacks to more than {limit / 2**30:.1f} GB.", "Tables must fit into memory.",
                "Pass a part of it, or a Python function that gives batches.",
            )
    return io.StringIO(content.decode("utf-8-sig"), newline="")


def _csv(lines: io.StringIO, path: Path, kind: str) -> Columns:
    first = lines.read(1 << 16).partition("\n")[0]
    lines.seek(0)
    delimiter = "\t" if kind == "tsv" else max(",;\t", key=first.count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(reader, [])]
    if any(_number(name) is not None for name in names) or len(set(names)) != len(names) or "" in names:
        raise InputError(
            f"{path} starts with the row {', '.join(names)[:80]!r}.",
            "Names of columns, each once, are expected.", "Add a first row such as: text,label",
        )
    columns: Columns = {name: [] for name in names}
    for row in reader:
        if not row:
            continue
        if len(row) != len(names):
            raise InputError(
                f"{path}, line {reader.line_num}, has {len(row)} fields.", f"{len(names)} are expected.",
                "Quote fields that hold the separator.",
            )
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    return columns


def _jsonl(lines: io.StringIO, path: Path) -> Columns:
    columns: Columns = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}, line {number}, is no JSON ({error}).", 'Lines such as {"text": "...", "label": 1}.',
                "Correct the line.",
            ) from error
        if not isinstance(row, dict) or (columns and set(row) != set(columns)):
            raise InputError(
                f"{path}, line {number}, has other fields than the first line.",
                f"An object with {', '.join(columns) or 'text and label'} is expected.", "Correct the line.",
            )
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def _parquet(path: Path) -> Columns:
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        install = "pip install pyarrow (or convert the file to .csv)"
        raise not_installed(f"{path} is read by the package pyarrow", install) from error
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, ValueError) as error:
        raise unreadable(path, error, "A Parquet file is expected.") from error
    return {name: table.column(name).to_pylist() for name in table.column_names}


def named(columns: Table, names: Sequence[str]) -> str | None:
    """The column that is called like one of `names`, in their order."""
    lower = {name.lower(): name for name in columns}
    return next((lower[name] for name in names if name in lower), None)


def text_column(columns: Table) -> str | None:
    """The column of texts: by its name, else the only one of long texts; None where there is none."""
    by_name = named(columns, TEXTS)
    if by_name is not None and not _all_numbers(columns[by_name]):
        return by_name
    rest = [name for name in columns if name != named(columns, LABELS) and name != named(columns, SPLITS)]
    # Texts are told from class names by blanks: most rows of a text column have several words.
    long = [
        name for name in rest
        if not _all_numbers(columns[name]) and np.mean([" " in str(value) for value in columns[name]]) > 0.5
    ]
    return long[0] if len(long) == 1 else None


def label_column(columns: Table, text: str | None) -> str | None:
    """The column of labels: by its name; beside a text, the only column that is left."""
    by_name = named(columns, LABELS)
    if by_name is not None or text is None:
        return by_name
    rest = [name for name in columns if name not in (text, named(columns, SPLITS))]
    return rest[0] if len(rest) == 1 else None


def numbers(columns: Table, names: Sequence[str], path: Path) -> np.ndarray:
    """(N, len(names)) float32 of columns that hold numbers."""
    rows = np.empty((len(columns[names[0]]), len(names)), np.float32)
    for place, name in enumerate(names):
        for row, value in enumerate(columns[name]):
            number = _number(value)
            if number is None:
                raise InputError(
                    f"{path}: column {name!r} holds {str(value)[:40]!r} in sample {row}.",
                    "Numbers are expected in every column but the label.",
                    "Fill or drop it; code categories as numbers.",
                )
            rows[row, place] = number
    return rows


def labels(values: Sequence[Cell]) -> np.ndarray:
    """Labels as an array: whole numbers, numbers, or texts."""
    parsed = [_number(value) for value in values]
    if all(number is not None for number in parsed):
        array = np.array(parsed, np.float64)
        return array.astype(np.int64) if bool((array == np.rint(array)).all()) else array
    return np.array([str(value) for value in values])


def _all_numbers(values: Sequence[Cell]) -> bool:
    return all(_number(value) is not None for value in values)


def _number(value: Cell) -> float | None:
    try:
        return float(value) if isinstance(value, (str, int, float)) else None
    except (ValueError, OverflowError):
        return None
