"""One column of a table: what its cells are, which are missing, and their numbers.

    numbers   most cells are numbers; the others are told as bad
    words     names of classes, texts, paths
    dates     as ISO 8601 or with points or slashes, or what Parquet calls a timestamp
    lists     lists of JSON and Parquet
    files     what the `datasets` library writes for pictures and recordings: {"bytes": ..., "path": ...}
    empty     nothing but gaps

An empty cell is a gap everywhere. Words such as ``NA`` and ``?`` are gaps among numbers only: elsewhere they
may be the name of a class.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import decimal
import functools
import importlib
import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Literal

import numpy as np

from edgeprune.errors import not_installed
from edgeprune.install_source import install_command

ColumnKind = Literal["numbers", "words", "dates", "lists", "files", "empty"]
GAPS = frozenset((
    "", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "?", "-", ".", "#na", "-nan", "1.#qnan",
))
"""What stands for a missing number, in small letters."""
_MOST = 0.5  # of the cells; a column with more numbers than that is one of numbers
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( .*)?")
_DECISIVE = 1000  # cells that are enough to see dates
_TRUTH = {"true": 1.0, "false": 0.0}


def pandas() -> ModuleType:
    """The package, which the extra ``host`` brings."""
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        needed = "Tables are read by the package pandas"
        raise not_installed(needed, install_command("host")) from error


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """A name and (N,) cells: texts or numbers of CSV, or what JSON and Parquet hold."""

    name: str
    cells: np.ndarray

    def take(self, rows: np.ndarray) -> Column:
        """The cells at `rows`."""
        return Column(self.name, self.cells[rows])

    @functools.cached_property
    def blank(self) -> np.ndarray:
        """(N,) where a cell is empty."""
        if np.isfinite(self._parsed).all():
            return np.zeros(len(self.cells), bool)
        return np.array([_is_blank(cell) for cell in self.cells], bool)

    @functools.cached_property
    def _gap(self) -> np.ndarray:
        """(N,) where a cell is empty, or says that a number is missing."""
        if not self.blank.any() and np.isfinite(self._parsed).all():
            return self.blank
        words = [isinstance(cell, str) and cell.strip().lower() in GAPS for cell in self.cells]
        return np.asarray(self.blank | np.array(words, bool))

    @functools.cached_property
    def _parsed(self) -> np.ndarray:
        """(N,) float64; NaN where a cell is no number."""
        parsed = _numbers(self.cells)
        return parsed if np.isfinite(parsed).all() else _numbers(as_objects(list(map(_plain, self.cells))))

    @functools.cached_property
    def kind(self) -> ColumnKind:
        """What most cells are."""
        filled = self.cells[~self.blank]
        if not len(filled):
            return "empty"
        if all(isinstance(cell, (list, tuple)) for cell in filled):
            return "lists"
        if all(is_file(cell) for cell in filled):
            return "files"
        told = ~self._gap
        if not told.any():
            return "empty"
        if not np.isnan(self._parsed[told]).mean() > _MOST:
            return "numbers"
        return "dates" if all(_is_date(cell) for cell in filled[:_DECISIVE]) else "words"

    @property
    def missing(self) -> np.ndarray:
        """(N,) where there is no value."""
        return self._gap if self.kind in ("numbers", "empty") else self.blank

    @property
    def bad(self) -> np.ndarray:
        """(N,) where a column of numbers holds something else."""
        return np.asarray(~self._gap & np.isnan(self.numbers))

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """(N,) float64; NaN for gaps and for what float32 does not hold."""
        with np.errstate(over="ignore"):
            return np.where(np.isfinite(self._parsed.astype(np.float32)), self._parsed, np.nan)

    @functools.cached_property
    def words(self) -> np.ndarray:
        """(N,) texts without blanks around them; numbers as they were written."""
        return np.array([str(cell).strip() for cell in self.cells], object)

    @functools.cached_property
    def distinct(self) -> int:
        """How many different values there are, gaps left out."""
        if self.kind in ("lists", "files"):
            return int((~self.blank).sum())
        values = self.numbers if self.kind == "numbers" else self.words
        return len(set(values[~self.missing].tolist()))

    @property
    def is_integral(self) -> bool:
        """Whether every number is a whole one."""
        values = self.numbers[~self.missing]
        return self.kind == "numbers" and bool((values == np.rint(values)).all())

    @property
    def counts_rows(self) -> bool:
        """Whether it numbers the rows: whole numbers, each once, without a hole, in any order."""
        if not self.is_integral or self.missing.any() or len(self.cells) < 3:
            return False
        values = np.sort(self.numbers)
        return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def columns_of(cells: Mapping[str, Sequence[object] | np.ndarray]) -> dict[str, Column]:
    """Columns of cells by name."""
    return {
        name: Column(name, values if isinstance(values, np.ndarray) else as_objects(values))
        for name, values in cells.items()
    }


def as_objects(values: Sequence[object]) -> np.ndarray:
    """(N,) of Python objects; lists stay cells."""
    array = np.empty(len(values), object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def is_file(cell: object) -> bool:
    """Whether a cell holds a file: its bytes, or what the `datasets` library writes."""
    return isinstance(cell, bytes) or (isinstance(cell, dict) and {"bytes", "path"} <= cell.keys())


def _numbers(cells: np.ndarray) -> np.ndarray:
    """(N,) float64; NaN where a cell is no number."""
    if cells.dtype.kind in "biuf":
        return cells.astype(np.float64)
    found = pandas().to_numeric(pandas().Series(cells, dtype=object), errors="coerce")
    return np.asarray(found, np.float64)


def _is_blank(cell: object) -> bool:
    if isinstance(cell, str):
        return not cell or cell.isspace()
    return cell is None or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124  (NaN)


def _plain(cell: object) -> object:
    """What pandas makes a number of; it would take bytes, dates and words of truth for something else."""
    if isinstance(cell, str):
        text = cell.strip()
        return _TRUTH.get(text.lower(), text)
    if isinstance(cell, (bool, int, float, decimal.Decimal)):
        with contextlib.suppress(OverflowError):
            return float(cell)
    return None


def _is_date(cell: object) -> bool:
    if isinstance(cell, str):
        return _DATE.fullmatch(cell.strip()) is not None
    return isinstance(cell, (dt.date, dt.datetime, dt.time))
