"""Which of comma and point is the decimal mark of a table, and numbers with points in place of commas.

    1,5  0,125  1.234,5      a decimal comma; the point, if any, separates thousands
    1.5  1,234.5  1,234,567  a decimal point; the comma, if any, separates thousands
    1,234  1.234             either: the rest of the file tells

A column of which nothing tells is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgeprune.data.columns import GAPS, as_objects
from edgeprune.errors import InputError, shown

_SIGN, _POWER = r"[+-]?", r"([eE][+-]?\d+)?"
_POINT = re.compile(rf"\s*{_SIGN}(\d+\.?\d*|\.\d+){_POWER}\s*")
_COMMA = re.compile(rf"\s*{_SIGN}(\d+|\d{{1,3}}(\.\d{{3}})+)?,\d+{_POWER}\s*")
_THOUSANDS_COMMA = re.compile(rf"\s*{_SIGN}\d{{1,3}}(,\d{{3}})+(\.\d+)?\s*")
_THOUSANDS_POINT = re.compile(rf"\s*{_SIGN}[1-9]\d{{0,2}}(\.\d{{3}})+\s*")
_EITHER = re.compile(rf"\s*{_SIGN}[1-9]\d{{0,2}},\d{{3}}\s*")  # 1,234
_MOST, _LOOKED_AT = 0.5, 1000  # of the cells, of which so many are looked at
_LONGEST = 64  # characters of a number; matching takes longer the longer a text is


def is_number(cell: str, *, comma: bool = True) -> bool:
    """Whether a text is a number; with `comma`, also one with a decimal comma or with thousands."""
    if len(cell) > _LONGEST:
        return False
    if _POINT.fullmatch(cell):
        return True
    return comma and (_COMMA.fullmatch(cell) is not None or _THOUSANDS_COMMA.fullmatch(cell) is not None)


def with_points(
    columns: Mapping[str, np.ndarray], delimiter: str, path: Path
) -> tuple[dict[str, np.ndarray], str]:
    """Columns of numbers with decimal points and no thousands; and a note where that changes anything.

    Raises:
        InputError: a column may mean either.
    """
    with_commas = {name: cells for name, cells in columns.items() if has_commas(cells)}
    if not with_commas:
        return dict(columns), ""
    marks = {name: _mark(cells) for name, cells in with_commas.items()}
    sure = {mark for mark in marks.values() if mark}
    if any(_has_points(cells) for name, cells in columns.items() if name not in with_commas):
        sure.add(".")
    usual = next(iter(sure)) if len(sure) == 1 else "," if not sure and delimiter == ";" else ""
    found = dict(columns)
    for name, cells in columns.items():
        mark = marks.get(name) or (usual if name in with_commas else "")
        if name in with_commas and not mark:
            example = next(cell.strip() for cell in cells if _EITHER.fullmatch(cell))
            raise InputError(
                f"{shown(path)}: column {name!r} holds {example}, which may be "
                f"{example.replace(',', '.')} or {example.replace(',', '')}.",
                "Numbers that can be read in one way only are expected.", "Write them with a decimal point.",
            )
        if mark == "," or (usual == "," and name not in with_commas and _are_thousands(cells)):
            found[name] = as_objects([
                cell.replace(".", "").replace(",", ".")
                if _COMMA.fullmatch(cell) or ("." in cell and _THOUSANDS_POINT.fullmatch(cell)) else cell
                for cell in cells
            ])
        elif mark == ".":
            found[name] = as_objects([
                cell.replace(",", "") if "," in cell and _THOUSANDS_COMMA.fullmatch(cell) else cell
                for cell in cells
            ])
    return found, _note(path.name, {marks[name] or usual for name in marks})


def _note(name: str, marks: set[str]) -> str:
    if marks == {","}:
        return f"Numbers of {shown(name)} have a decimal comma: 1,5 is 1.5."
    if marks == {"."}:
        return f"Commas in numbers of {shown(name)} separate thousands: 1,234 is 1234."
    return f"Some columns of {shown(name)} have decimal commas, others separate thousands by commas."


def has_commas(cells: np.ndarray) -> bool:
    """Whether most cells are texts of numbers, and some of them have commas."""
    if cells.dtype.kind != "O" or not any("," in cell and is_number(cell) for cell in cells):
        return False
    return _are_numbers(cells, comma=True)


def _are_numbers(cells: np.ndarray, *, comma: bool) -> bool:
    """Whether most of some cells are, gaps left out."""
    sample = [cell for cell in cells[:: max(1, len(cells) // _LOOKED_AT)] if cell.strip().lower() not in GAPS]
    return sum(is_number(cell, comma=comma) for cell in sample) > _MOST * len(sample)


def _mark(cells: np.ndarray) -> str:
    """The decimal mark of a column with commas; empty where nothing tells."""
    for cell in cells:
        if "," in cell and is_number(cell):
            if _THOUSANDS_COMMA.fullmatch(cell) and (cell.count(",") > 1 or "." in cell):
                return "."
            if not _EITHER.fullmatch(cell):
                return ","
    return "." if any("." in cell and is_number(cell, comma=False) for cell in cells) else ""


def _has_points(cells: np.ndarray) -> bool:
    """Whether a column of numbers has points that are no thousands."""
    points = (cell for cell in cells if "." in cell)
    return any(not _THOUSANDS_POINT.fullmatch(cell) for cell in points) and _are_numbers(cells, comma=False)


def _are_thousands(cells: np.ndarray) -> bool:
    """Whether all points of a column of numbers may separate thousands."""
    points = [cell for cell in cells if "." in cell]
    return bool(points) and all(_THOUSANDS_POINT.fullmatch(cell) for cell in points)
