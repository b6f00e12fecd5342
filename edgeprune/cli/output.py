"""The only door to the terminal: text of devices, files and users comes out as text, never as a command.

A line is one line: control characters, line breaks and turns of the reading direction are shown as escapes,
and nothing is taken for rich's markup or for a workflow command of GitHub.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from edgeprune.cli.streams import written
from edgeprune.errors import plain

if TYPE_CHECKING:
    from rich.console import RenderableType

_WIDTH = 100


def say(text: str, *, error: bool = False) -> None:
    """Print one line."""
    written(lambda: typer.echo(plain(text), err=error), error=error)


def say_waiting(device: str, seconds: int) -> None:
    """Count the seconds that a device is busy for: in one place of a terminal, in a few lines of a log."""
    text = plain(f"{device} is busy with another run; waited {seconds} s")
    if sys.stderr.isatty():
        written(lambda: typer.echo(f"\r{text} \r", nl=False, err=True), error=True)
    elif seconds in (1, 5) or seconds % 30 == 0:
        say(text, error=True)


def say_paragraph(text: str) -> None:
    """Print a paragraph to stderr, wrapped between words only."""
    text = plain(" ".join(text.split()))
    lines = textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    written(lambda: typer.echo(lines, err=True), error=True)


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


def draw(what: RenderableType) -> None:
    """Print a table, whose texts went through `cell`."""
    from rich.console import Console

    written(lambda: Console(file=sys.stdout).print(what))
