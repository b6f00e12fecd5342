"""Standard streams as every command can use them, whatever the shell has made of them.

A closed descriptor (``2>&-``) would be given to the next file that is opened, and what TensorFlow's C code
prints would end up in it. A locale without UTF-8 would turn "…" into an error. A reader that has gone away
(``| head``) is no failure of the command, whose exit code a gate may depend on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO


def prepare_streams() -> None:
    """Open what is closed, and write what the locale has no letters for as escapes."""
    for number in range(3):
        if not _is_open(number):
            null = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            if null != number:
                os.dup2(null, number)
                os.close(null)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = _usable(sys.stdout, 1), _usable(sys.stderr, 2)


def _usable(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    return stream


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def written(write: Callable[[], object], *, error: bool = False) -> None:
    """Call what writes to stdout, or as an `error` to stderr; without a reader, the rest goes nowhere."""
    try:
        write()
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2 if error else 1)
        os.close(null)
    except OSError:
        if not error:  # a full disk: what was asked for is not there
            raise
