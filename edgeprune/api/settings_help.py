"""The settings of a recipe in the help of a function: the sentences that ``--help`` shows."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from edgeprune.recipe import SETTINGS

P = ParamSpec("P")
T = TypeVar("T")
_NEXT = "\n\n    Raises:"
_WIDTH = 108


def settings_help(function: Callable[P, T]) -> Callable[P, T]:
    """Adds a sentence for each setting among the function's arguments, behind those that it describes."""
    written = function.__doc__ or ""
    lines = [
        textwrap.fill(
            f"{name}: {_keyword_names(SETTINGS[name].help)}", _WIDTH, initial_indent=8 * " ",
            subsequent_indent=12 * " ", break_on_hyphens=False,
        )
        for name in inspect.signature(function).parameters
        if name in SETTINGS and f"\n        {name}: " not in written
    ]
    function.__doc__ = written.replace(_NEXT, "\n".join(["", *lines]) + _NEXT)
    return function


def _keyword_names(text: str) -> str:
    """`--max-drop` of the command line is `max_drop` here, and what it repeats is a list."""
    text = re.sub(r"--([a-z0-9][a-z0-9-]*)", lambda found: found[1].replace("-", "_"), text)
    return text.replace("Repeatable", "One, or a list")
