"""Tables as text: `.csv` and `.tsv` as people have them, brought into columns of texts.

    encoding    UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252
    delimiter   a comma, semicolon, tab or bar: the one that cuts every row into as many fields; or, in a file
                of numbers without any of them, runs of spaces
    header      missing where the first row is like the rows below it; row names may have no header
    decimals    1,5 beside 1.5, told by the whole file

Positions are lines as an editor counts them, also below fields with line breaks in them.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data.columns import GAPS, as_objects, pandas
from edgeprune.data.decimal_marks import has_commas, is_number, with_points
from edgeprune.data.table import Table, table_of
from edgeprune.errors import InputError, UnreadableError, shown

_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 100  # rows that tell the delimiter and the header
_SAMPLE = 1 << 18  # characters
_FIELD_CHARACTERS = 1 << 24
_MOSTLY = 0.5
_TOLD = re.compile(r"sep=(.)\r?\n")  # a first line for Excel
NAMELESS = "Unnamed: "
"""How pandas calls a column without a name, and so do we."""


@contextlib.contextmanager
def long_fields() -> Iterator[None]:
    """Lets a field of CSV be as long as a book."""
    before = csv.field_size_limit(_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_csv(content: bytes, path: Path, *, names: frozenset[str], rows: int | None = None) -> Table:
    """A table of texts.

    Args:
        names: what columns are often called, in small letters: such a cell makes the first row a header.
        rows: the most to be read; None for all.
    """
    text, encoding = decoded(content, path)
    told = _TOLD.match(text)
    if told is not None:
        text = "\n" + text[told.end():]  # lines keep their numbers
    is_tsv = path.name.lower().removesuffix(".gz").endswith(".tsv")
    spaced = None if told is not None else _without_runs_of_spaces(text)
    text = text if spaced is None else spaced
    delimiter = told[1] if told is not None else _delimiter(text[:_SAMPLE], tabs=is_tsv)
    with long_fields():
        first = list(itertools.islice(_rows(text, delimiter, path), _LOOKED_AT + 1))
        if not first:
            raise _no_rows(path)
        header = _has_header([fields for _, fields in first], names, path)
        named = _named(first[0][1] if header else None, [fields for _, fields in first[header:]])
        if len(first) == header:
            raise _no_rows(path)
        columns = _plain_columns(text, delimiter, header, len(named)) if rows is None else None
        places: Sequence[int]
        if columns is not None:
            places = range(1 + header, 1 + header + len(columns[0]))
        else:
            last = None if rows is None else header + rows
            body = itertools.islice(_rows(text, delimiter, path), header, last)
            places, columns = _columns(body, named, path)
    cells, decimals = with_points(dict(zip(named, columns, strict=True)), delimiter, path)
    bare = "" if header else f"{shown(path.name)} has no header: its columns are called {_span(named)}."
    return table_of(path, cells, places, "line", notes=tuple(filter(None, (encoding, bare, decimals))))


def _plain_columns(text: str, delimiter: str, header: bool, width: int) -> list[np.ndarray] | None:
    """Columns as pandas reads them, ten times as fast; None where a line is not simply a row without gaps."""
    leading_zero = re.compile(rf"(?:^|{re.escape(delimiter)})0\d", re.MULTILINE)  # 007 may be a name
    if '"' in text or text[:1] in "\r\n" or leading_zero.search(text):
        return None
    try:
        frame = pandas().read_csv(
            io.StringIO(text), sep=delimiter, header=None, skiprows=int(header), quoting=csv.QUOTE_NONE,
            low_memory=False,
        )
    except ValueError:  # also what pandas raises for rows of unlike lengths, and for none
        return None
    lines = text.count("\n") + (not text.endswith("\n"))
    if frame.shape != (lines - header, width) or frame.isna().any(axis=None):
        return None
    columns = [frame[number].to_numpy() for number in frame.columns]
    return None if any(has_commas(one) for one in columns) else columns  # the texts tell what a comma is


def _columns(
    rows: Iterable[tuple[int, list[str]]], named: Sequence[str], path: Path
) -> tuple[list[int], list[np.ndarray]]:
    """The lines on which rows begin, and columns of texts."""
    places: list[int] = []
    read: list[list[str]] = []
    for line, fields in rows:
        if len(fields) != len(named):
            raise InputError(
                f"{shown(path)}, line {line}, has {len(fields)} fields.",
                f"{len(named)} are expected, one for each of {shown(', '.join(named))[:200]}.",
                "Remove lines above the names of the columns." if not places and len(fields) > len(named)
                else "Quote fields that hold the separator.",
            )
        places.append(line)
        read.append(fields)
    return places, [as_objects(column) for column in zip(*read, strict=True)]


def _no_rows(path: Path) -> InputError:
    return InputError(f"{shown(path)} has no rows.", "A row for each sample is expected.", "Check the file.")


def _span(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def decoded(content: bytes, path: Path) -> tuple[str, str]:
    """The text, and a note where it is not UTF-8.

    Raises:
        UnreadableError: it is no text, or in an encoding that cannot be told.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text, note = content.decode("utf-16"), ""
    else:
        try:
            text, note = content.decode("utf-8-sig"), ""
        except UnicodeDecodeError as error:
            text, note = _windows(content, error, path), (
                f"{shown(path.name)} is not UTF-8; it was read as Windows-1252 (Western Europe)."
            )
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableError(path, f"line {line} holds a NUL byte", "Text is expected.", "Save it as UTF-8.")
    return text, note


def _windows(content: bytes, error: UnicodeDecodeError, path: Path) -> str:
    """Windows-1252; refused where the rest of the file is UTF-8, of which then a byte is damaged."""
    line = content.count(b"\n", 0, error.start) + 1
    if content[:error.start].isascii() and not _has_utf8(content[error.start:]):
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode("cp1252")
    raise UnreadableError(
        path, f"line {line} is not UTF-8", "Text in UTF-8 is expected.",
        "Save it as UTF-8, or correct that line.",
    )


def _has_utf8(content: bytes) -> bool:
    """Whether letters beyond ASCII are there in UTF-8."""
    return any(not one.isascii() and "\ufffd" not in one for one in
               content.decode("utf-8", "replace").split("\ufffd"))


def _rows(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its fields; empty lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{shown(path)}, line {line}, cannot be read ({error}).",
                "Fields are expected to be quoted whole or not at all.", "Correct that line.",
            ) from error
        if row and any(map(str.strip, row)):
            yield line, row


def _without_runs_of_spaces(text: str) -> str | None:
    """The text with a tab for each run of spaces, where these alone cut all rows into equally many fields."""
    sample = [line.split() for line in text[:_SAMPLE].splitlines()[:_LOOKED_AT] if line.strip()]
    if any(one in text for one in (*_DELIMITERS, '"')) or len({len(row) for row in sample}) != 1:
        return None
    below = [cell for row in sample[1:] for cell in row]
    if len(sample[0]) == 1 or not below or sum(map(is_number, below)) < _MOSTLY * len(below):
        return None
    return "\n".join("\t".join(line.split()) for line in text.splitlines())


def _delimiter(sample: str, *, tabs: bool) -> str:
    """The one that cuts all rows into equally many fields, of which most are plain."""
    order = sorted(_DELIMITERS, key=lambda one: one != "\t") if tabs else list(_DELIMITERS)
    found = {}
    for one in order:
        rows = _sampled(sample, one)
        widths = {len(row) for row in rows[1:] or rows}
        if len(widths) == 1 and min(widths) > 1 and len(rows[0]) in (min(widths), min(widths) - 1):
            others = [other for other in _DELIMITERS if other != one]
            cells = [cell for row in rows for cell in row]
            found[one] = sum(
                is_number(cell, comma=one != ",") or not any(other in cell for other in others)
                for cell in cells
            ) / len(cells)
    if found:
        return max(found, key=lambda one: found[one])
    first = sample.partition("\n")[0]
    return max(order, key=first.count)


def _sampled(sample: str, delimiter: str) -> list[list[str]]:
    """The first rows; the last one may be cut off and is left out."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    with long_fields(), contextlib.suppress(csv.Error):
        rows = [row for row in itertools.islice(reader, _LOOKED_AT) if any(map(str.strip, row))]
        return rows[:-1] if len(sample) == _SAMPLE and len(rows) > 2 else rows or [[]]
    return [[]]


def _has_header(rows: Sequence[Sequence[str]], names: frozenset[str], path: Path) -> bool:
    """Whether the first row names the columns: it is unlike those below, or has a usual name in it."""
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    words = [cell for cell in first if cell.strip().lower() not in GAPS and not is_number(cell)]
    if any(cell.strip().lower() in names for cell in words):
        return True
    if not below or any(len(row) == len(first) + 1 for row in rows[1:]):
        return len(words) == len(first)
    columns = list(zip(*below, strict=True))
    numeric = [sum(map(is_number, column)) > _MOSTLY * len(column) for column in columns]
    over_numbers = [cell for cell, is_numeric in zip(first, numeric, strict=True) if is_numeric]
    named = [cell for cell in over_numbers if cell in words]
    counted = [cell for cell in over_numbers if is_number(cell)]
    if named and counted:
        raise InputError(
            f"{shown(path)} begins with {', '.join(first)[:80]!r}: names above some columns of numbers, and "
            "numbers above others.", "A first row of names or of values is expected.",
            "Name every column with a word.",
        )
    if named or counted:
        return bool(named)
    return not any(cell in column for cell, column in zip(first, columns, strict=True) if cell in words)


def _named(first: Sequence[str] | None, body: Sequence[Sequence[str]]) -> list[str]:
    """A name for each column, each once."""
    width = len(body[0]) if body else len(first or ())
    if first is None:
        return [f"column_{number}" for number in range(1, width + 1)]
    names = [name.strip() for name in first]
    if width == len(names) + 1:
        # A comma at the end of each row, or row names as R writes them.
        names = [*names, ""] if not any(row[-1].strip() for row in body) else ["", *names]
    unique: list[str] = []
    for number, name in enumerate(names):
        known = name or f"{NAMELESS}{number}"
        tries = (known, *(f"{known}.{again}" for again in range(1, len(names) + 1)))
        unique.append(next(one for one in tries if one not in unique))
    return unique
