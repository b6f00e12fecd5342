"""A table: columns, and where each row stands in the user's file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data.columns import Column, columns_of
from edgeprune.errors import InputError

_LISTED = 5  # places in a message


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Columns by name, all of N cells.

    Attributes:
        path: the file.
        columns: in the file's order.
        places: (N,) where each row begins in the file.
        unit: what `places` count: ``line``, ``entry`` or ``row``.
        notes: how the file was read, where that is not plain.
        classes: of columns of class numbers, the classes' names, where the file has them.
    """

    path: Path
    columns: Mapping[str, Column]
    places: np.ndarray
    unit: str
    notes: tuple[str, ...] = ()
    classes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: np.ndarray) -> Table:
        """The rows `rows`."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return dataclasses.replace(self, columns=columns, places=self.places[rows])

    def where(self, rows: np.ndarray) -> str:
        """The places of the rows at which `rows` (N,) is true, for a message: ``lines 3, 8 and 2 more``."""
        places = self.places[rows].tolist()
        plural = {"entry": "entries"}.get(self.unit, f"{self.unit}s")
        listed = ", ".join(map(str, places[:_LISTED]))
        more = f" and {len(places) - _LISTED} more" if len(places) > _LISTED else ""
        return f"{self.unit if len(places) == 1 else plural} {listed}{more}"


def table_of(
    path: Path, cells: Mapping[str, Sequence[object] | np.ndarray], places: Sequence[int], unit: str, *,
    notes: tuple[str, ...] = (), classes: Mapping[str, tuple[str, ...]] | None = None,
) -> Table:
    """A table of cells by column."""
    return Table(path, columns_of(cells), np.array(places, np.int64), unit, notes, classes or {})


def with_lists_as_columns(table: Table) -> Table:
    """Columns of lists of numbers, all of the same length, as one column a place, such as ``embedding.0``."""
    columns: dict[str, Column] = {}
    for name, column in table.columns.items():
        rows = _numbers_of(column) if column.kind == "lists" else None
        if rows is None:
            columns[name] = column
        else:
            places = {f"{name}.{place}": rows[:, place] for place in range(rows.shape[1])}
            columns |= columns_of(places)
    return dataclasses.replace(table, columns=columns)


def _numbers_of(column: Column) -> np.ndarray | None:
    """(N, L) float64 of lists of L numbers; None where they are not."""
    try:
        rows = np.array([list(cell) for cell in column.cells], np.float64)
    except (TypeError, ValueError):
        return None
    return rows if rows.ndim == 2 and rows.shape[1] else None


def joined(tables: Sequence[Table]) -> Table:
    """Pieces of one table, one below the other."""
    first = tables[0]
    for other in tables[1:]:
        if set(other.columns) != set(first.columns):
            raise unlike(first, other)
    if len(tables) == 1:
        return first
    columns = {
        name: Column(name, np.concatenate([table.columns[name].cells for table in tables]))
        for name in first.columns
    }
    return dataclasses.replace(first, columns=columns, places=np.concatenate([one.places for one in tables]))


def unlike(first: Table, other: Table) -> InputError:
    """Two tables that should have the same columns."""
    lacks = sorted(set(first.columns) - set(other.columns))
    more = sorted(set(other.columns) - set(first.columns))
    differences = [f"lacks {', '.join(lacks)}"] if lacks else []
    differences += [f"also has {', '.join(more)}"] if more else []
    return InputError(
        f"{other.path.name} {' and '.join(differences)}.", f"The columns of {first.path.name} are expected.",
        "Correct or remove one of them.",
    )
