"""Features in one table and labels in another, as scikit-learn's users keep them, to one table.

    X.csv, y.csv                                    one table, split later
    X_train.csv, y_train.csv, X_test.csv, ...       one for each split

Rows belong together by their order; a column that numbers the rows is passed over in the labels.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from edgeprune.data import tables
from edgeprune.data.columns import Column
from edgeprune.data.csv_files import NAMELESS
from edgeprune.data.splits import ALIASES
from edgeprune.data.table import Table
from edgeprune.errors import InputError, shown

_SAMPLES, _TARGETS = ("x", "features", "inputs"), ("y", "labels", "label", "targets", "target")
_LABEL = "label"


def paired_tables(folder: Path) -> dict[str, tuple[Path, Path]]:
    """(features, labels) by split; empty where the folder has no training pair."""
    found: dict[str, dict[bool, Path]] = {}
    for path in sorted(folder.iterdir()):
        words = re.split(r"[-_.]", path.name.partition(".")[0].lower())
        if not tables.is_table(path) or not 1 <= len(words) <= 2:
            continue
        kind = [word for word in words if word in (*_SAMPLES, *_TARGETS)]
        rest = [word for word in words if word not in kind]
        split = ALIASES.get(rest[0]) if rest else "train"
        if len(kind) == 1 and split:
            found.setdefault(split, {})[kind[0] in _TARGETS] = path
    pairs = {split: (pair[False], pair[True]) for split, pair in found.items() if len(pair) == 2}
    return pairs if "train" in pairs else {}


def read_pair(samples: Path, targets: Path) -> Table:
    """One table: all columns of `samples`, and those of `targets` under the name of a label.

    Raises:
        InputError: they have different numbers of rows, or a column of features has a label's name.
    """
    x, y = tables.read_table(samples), tables.read_table(targets)
    if len(x) != len(y):
        raise InputError(
            f"{shown(samples.name)} has {len(x)} rows, {shown(targets.name)} has {len(y)}.",
            "A row of labels for each row of features is expected.", "Correct one of them.",
        )
    labels = [name for name, one in y.columns.items() if not _numbers_rows(one)] or list(y.columns)
    names = [_LABEL] if len(labels) == 1 else [f"{_LABEL}.{name}" for name in labels]
    if both := [name for name in names if name in x.columns]:
        raise InputError(
            f"{shown(samples.name)} has a column {shown(both[0])!r}.",
            f"The labels are expected in {shown(targets.name)} alone.", "Rename the column, or remove it.",
        )
    columns = {**x.columns, **{
        name: Column(name, y.columns[label].cells) for name, label in zip(names, labels, strict=True)
    }}
    note = f"Features are in {shown(samples.name)}, labels in {shown(targets.name)}: {_named(labels)}."
    return dataclasses.replace(x, columns=columns, notes=(*x.notes, *y.notes, note))


def _numbers_rows(column: Column) -> bool:
    called = column.name.strip().lower() in tables.IDS or column.name.startswith(NAMELESS)
    return column.counts_rows or (called and column.distinct == len(column.cells))


def _named(labels: Sequence[str]) -> str:
    return ", ".join(repr(shown(name)) for name in labels[:10]) + (" and others" if len(labels) > 10 else "")
