"""Lines as long as the terminal is wide, broken between words: never inside a path or a command.

A line that a person may copy stays whole, even where it is longer than the terminal is wide. What is piped is
not broken at all: a log has one line for each message.
"""

from __future__ import annotations

import os
import re
import textwrap
from typing import TextIO

_WIDEST = 120
"""Prose is not read well in longer lines."""
_NARROWEST = 20
_GLUE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the spaces of what stays whole; `textwrap` takes it for a letter."""
_COMMANDS = "bench|build|check|compare|devices|doctor|export|inspect|report|search|shrink|zoo"
_WHOLE = re.compile(
    r"`[^`]+`"
    rf"|\bedgeprune (?:{_COMMANDS})(?: --[a-z-]+ [a-z]+(?= |$)| \S*(?:[^a-z,.;:\s]|\.(?=\S))\S*(?<![,.;:]))*"
    r"|\b(?:pip install|python -m|docker run|apt-get install|adb)(?: -{1,2}\S+)* (?:'[^']*'|\"[^\"]*\"|\S+)"
    r"|\d (?:%|[kMG]?B\b|[mµ]?s\b)"
    r"|--[a-z][a-z-]* (?:[A-Z]{2,}|\d)\S*"
    r"|(?<!\w)'[^']*/[^']*'"
)
_LABEL = re.compile(r" *[^ ](?:[^ ]| (?! ))*  +")
_LONGEST_LABEL = 20


def wrapped(text: str, width: int | None) -> str:
    """One line as several of `width` columns; lines after a label begin where its text does.

    A label is what two spaces part from the rest, as in ``  samples  3,000 train``. Without a width the text
    stays one line.
    """
    if width is None or len(text) <= width:
        return text
    label = _LABEL.match(text)
    leading = len(text) - len(text.lstrip(" "))
    indent = len(label[0]) if label and len(label[0]) <= _LONGEST_LABEL else leading and leading + 2
    glued = _WHOLE.sub(lambda match: match[0].replace(" ", _GLUE), text)
    lines = textwrap.wrap(
        glued, max(min(width, _WIDEST), _NARROWEST + indent), subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )
    return "\n".join(lines).replace(_GLUE, " ")


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal that a stream leads to; None where it leads to none."""
    if not stream.isatty():
        return None
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None
