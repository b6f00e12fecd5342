"""Tables as files: which are read, and the names that columns usually have."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from edgeprune.bundle.eval_data import free_memory_bytes
from edgeprune.data.csv_files import read_csv
from edgeprune.data.record_files import read_json, read_jsonl, read_parquet
from edgeprune.data.table import Table
from edgeprune.errors import InputError, shown, unreadable

LABELS = (
    "label", "labels", "class", "target", "y", "class_name", "label_name", "class_label", "category",
    "sentiment", "intent", "species", "targets", "outcome", "ground_truth",
)
TEXTS = ("text", "sentence", "review", "content", "comment", "message", "utterance", "document")
SPLITS = ("split", "subset", "partition")
PATHS = (
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "picture",
    "audio", "audio_path", "wav", "image_name", "filenames", "files", "images",
)
IDS = ("id", "ids", "uid", "uuid", "guid", "index", "idx", "level_0", "__index_level_0__", "row", "row_id")
TOKENS, TAGS = ("tokens", "words"), ("tags", "slots", "ner_tags", "labels", "bio")
SUFFIXES = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet")
_NAMES = frozenset((*LABELS, *TEXTS, *SPLITS, *PATHS, *IDS, *TOKENS, *TAGS)) - {"y", "row"}
"""Words that are more likely a column's name than a value."""


def is_table(path: Path) -> bool:
    """Whether the name says so."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path, *, rows: int | None = None) -> Table:
    """A table, or its first `rows` rows.

    Raises:
        InputError: it is damaged, or has no rows.
    """
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    try:
        if kind == "parquet":
            table = read_parquet(path, rows=rows)
        elif kind == "jsonl":
            table = read_jsonl(_unpacked(path), path, rows=rows)
        elif kind == "json":
            table = read_json(_unpacked(path), path)
        else:
            table = read_csv(_unpacked(path), path, names=_NAMES, rows=rows)
    except (OSError, EOFError, zlib.error, RecursionError) as error:
        raise unreadable(path, error, f"A {kind} file is expected.") from error
    if not len(table) or not table.columns:
        raise InputError(
            f"{shown(path)} has no rows.", "A row for each sample is expected.", "Check the file."
        )
    return table


def _unpacked(path: Path) -> bytes:
    """The content, bounded: a small `.gz` must not fill the memory."""
    limit = free_memory_bytes() // 4
    with path.open("rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
        content = unpacked.read(limit)
        if unpacked.read(1):
            raise InputError(
                f"{path} unpacks to more than {limit / 2**30:.1f} GB.", "Tables must fit into memory.",
                "Pass a part of it, or a Python function that gives batches.",
            )
    return content


def named(table: Table, names: Sequence[str]) -> str | None:
    """The column that is called like one of `names`, in their order."""
    lower = {name.strip().lower(): name for name in reversed(list(table.columns))}
    return next((lower[name] for name in names if name in lower), None)
