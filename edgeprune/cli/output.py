"""The only door to the terminal: text of devices, files and users comes out as text, never as a command.

A line is one line: control characters, line breaks and turns of the reading direction are shown as escapes,
and nothing is taken for rich's markup or for a workflow command of GitHub.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from edgeprune.cli.line_breaks import width_of, wrapped
from edgeprune.cli.streams import written
from edgeprune.errors import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNBOUNDED = 10_000
_FEW_ROWS = 3
_PIPED = 240
"""Columns for tables that no terminal shows: a cell of a log is not broken."""


def say(text: str, *, error: bool = False, strong: bool = False) -> None:
    """Print one message: on a terminal in lines of its width (bold where `strong`), else in one line."""
    width = width_of(sys.stderr if error else sys.stdout)
    lines = wrapped(plain(text), width)
    if strong and width is not None and "NO_COLOR" not in os.environ:
        lines = typer.style(lines, bold=True)
    written(lambda: typer.echo(lines, err=error), error=error)


def say_paragraph(text: str) -> None:
    """Print a paragraph to stderr; see `say`."""
    say(" ".join(text.split()), error=True)


def say_document(text: str) -> None:
    """Print what another program reads, JSON or TOML, as it is."""
    written(lambda: typer.echo(text, nl=not text.endswith("\n")))


def cell(text: str) -> str:
    """Text in a rich table or title."""
    from rich.markup import escape

    return escape(plain(text))


def cells(texts: Iterable[str]) -> list[str]:
    """A row of a rich table."""
    return [cell(text) for text in texts]


def draw(table: Table) -> None:
    """Print a table, whose texts went through `cell`; one that is too wide for the terminal is turned."""
    from rich.console import Console

    console = Console(file=sys.stdout, width=width_of(sys.stdout) if sys.stdout.isatty() else _PIPED)
    written(lambda: console.print(_fitting(table, console)))


def _fitting(table: Table, console: Console) -> Table:
    """The table; with rows for columns where it has few rows and is wider than the terminal."""
    from rich.measure import Measurement
    from rich.table import Table

    unbounded = console.options.update(max_width=_UNBOUNDED)
    if Measurement.get(console, unbounded, table).maximum <= console.width:
        return table
    for column in table.columns:
        column.overflow = "fold"  # in more lines, and with no letter less
    if table.row_count > _FEW_ROWS:
        return table
    cells = [list(column.cells) for column in table.columns]
    turned = Table(title=table.title)
    for header in (table.columns[0].header, *cells[0]):
        turned.add_column(header, overflow="fold")
    for column, values in zip(table.columns[1:], cells[1:], strict=True):
        turned.add_row(column.header, *values)
    return turned
