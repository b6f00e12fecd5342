"""Tables as records: `.jsonl`, `.json` and `.parquet`.

    {"text": "...", "label": 1}                        a line, or an entry of a list in a .json
    {"text": ["...", "..."], "label": [1, 0]}          columns, as lists or as pandas writes them by default
    {"data": [{"text": "...", "label": 1}, ...]}       a list under a name of its own

A field that a record does not have is a gap. Parquet may hold pictures, and the names of classes, as the
`datasets` library writes them.
"""

from __future__ import annotations

import importlib
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeprune import jsonable
from edgeprune.bundle.eval_data import free_memory_bytes
from edgeprune.data.table import Table, table_of
from edgeprune.errors import InputError, not_installed, shown, unreadable

_EXPECTED = 'A list of records such as [{"text": "...", "label": 1}, ...] is expected.'
_MOST_CELLS, _FILLED = 10_000_000, 0.01  # more cells than that are not made out of nearly none
_CELL_BYTES = 64  # of a Python object, roughly
_FEATURES = b"huggingface"  # where the `datasets` library tells what the columns are
Record = Mapping[str, object]


def read_jsonl(content: bytes, path: Path, *, rows: int | None = None) -> Table:
    """An object a line."""
    records: list[Record] = []
    places: list[int] = []
    for number, line in enumerate(io.StringIO(_utf8(content, path), newline="\n"), start=1):
        if not line.strip():
            continue
        if rows is not None and len(records) == rows:
            break
        try:
            record = jsonable.parse_data(line)
        except ValueError as error:
            raise InputError(
                f"{shown(path)}, line {number}, is not JSON ({error}).",
                'Lines such as {"text": "...", "label": 1} are expected.', "Correct the line.",
            ) from error
        if not isinstance(record, dict):
            raise InputError(
                f"{shown(path)}, line {number}, is not a JSON object.",
                'Lines such as {"text": "...", "label": 1} are expected.', "Correct the line.",
            )
        records.append(record)
        places.append(number)
    return table_of(path, _columns(records), places, "line")


def read_json(content: bytes, path: Path) -> Table:
    """A list of objects, or columns by name."""
    try:
        found = jsonable.parse_data(_utf8(content, path))
    except ValueError as error:
        raise unreadable(path, error, _EXPECTED) from error
    lists = [one for one in found.values() if _are_records(one)] if isinstance(found, dict) else []
    if _are_records(found):
        columns = _columns(found)
    elif isinstance(found, dict) and len(lists) == 1:
        columns = _columns(lists[0])
    elif isinstance(found, dict) and "columns" in found and "data" in found:
        columns = _columns(_records_of(found["columns"], found["data"], path))
    elif isinstance(found, dict):
        columns = _by_name(found, path)
    else:
        raise InputError(f"{shown(path)} holds no records.", _EXPECTED, "Write it as such a list.")
    count = len(next(iter(columns.values()), ()))
    return table_of(path, columns, range(1, count + 1), "entry")


def _records_of(names: object, rows: object, path: Path) -> list[Record]:
    """Records of rows whose columns are named once, as pandas writes them with ``orient="split"``."""
    try:
        return [dict(zip(names, row, strict=True)) for row in rows]  # type: ignore[attr-defined,call-overload]
    except (ValueError, TypeError) as error:
        raise unreadable(path, error, _EXPECTED) from error


def read_parquet(path: Path, *, rows: int | None = None) -> Table:
    """All columns, as Python objects."""
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        install = "pip install pyarrow (or convert the file to .csv)"
        raise not_installed(f"{path} is read by the package pyarrow", install) from error
    try:
        file = parquet.ParquetFile(path)
        if rows is None:
            _check_size(file.metadata, path)
        # Only few rows are asked for to learn what the columns are.
        batches = file.iter_batches(65_536 if rows is None else rows)
        found = pyarrow.Table.from_batches(
            list(batches) if rows is None else list(itertools.islice(batches, 1)), file.schema_arrow
        )
        columns = {name: found.column(name).to_pylist() for name in found.column_names}
    except (pyarrow.ArrowException, ValueError) as error:
        raise unreadable(path, error, "A Parquet file is expected.") from error
    return table_of(path, columns, range(found.num_rows), "row", classes=_classes(found.schema))


def _check_size(metadata: Any, path: Path) -> None:
    """Refuses what would not fit into memory as Python objects."""
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    needed = max(unpacked, metadata.num_rows * metadata.num_columns * _CELL_BYTES)
    if needed > free_memory_bytes() // 2:
        raise InputError(
            f"{shown(path)} unpacks to {needed / 2**30:.1f} GB, more than memory has to spare.",
            "Tables must fit into memory.", "Pass a part of it, or a Python function that gives batches.",
        )


def _classes(schema: ModuleType | Any) -> dict[str, tuple[str, ...]]:
    """Names of classes as the `datasets` library writes them into a file's metadata."""
    try:
        features = json.loads((schema.metadata or {}).get(_FEATURES, b"{}"))["info"]["features"]
        named = {
            name: feature["names"] for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {
        name: tuple(names) for name, names in named.items()
        if isinstance(names, list) and all(isinstance(one, str) for one in names)
    }


def _utf8(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{shown(path)} cannot be read: line {line} is not UTF-8.", "JSON in UTF-8 is expected.",
            "Save it as UTF-8.",
        ) from error


def _are_records(found: object) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(one, dict) for one in found)


def _columns(records: Sequence[Record]) -> dict[str, list[object]]:
    """Columns of all fields, in the order in which they are met."""
    names = dict.fromkeys(name for record in records for name in record)
    cells, filled = len(names) * len(records), sum(map(len, records))
    if cells > _MOST_CELLS and filled < cells * _FILLED:
        raise InputError(
            f"The records have {len(names)} different fields, and {filled / len(records):.1f} each.",
            "Records of the same fields are expected.", "Write the fields that are needed alone.",
        )
    return {str(name): [record.get(name) for record in records] for name in names}


def _by_name(found: Mapping[str, object], path: Path) -> dict[str, list[object]]:
    columns = {
        name: list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else None
        for name, one in found.items()
    }
    if None in columns.values() or len({len(one) for one in columns.values() if one is not None}) != 1:
        raise InputError(
            f"{shown(path)} holds an object with {', '.join(map(shown, found))[:80] or 'nothing'}.",
            _EXPECTED, "Write it as such a list.",
        )
    return {name: one for name, one in columns.items() if one is not None}
