"""Errors that several readers raise, and names of unknown origin in messages."""

from __future__ import annotations

from edgeprune.errors import InputError


def shown(name: object) -> str:
    """A name of unknown origin, fit for a message: escaped where it is not printable."""
    text = str(name)
    return text if text.isprintable() else ascii(text)


def unreadable(name: object, error: Exception, expected: str, way_out: str = "Write it again.") -> InputError:
    """A file or folder that is missing, damaged or of another kind."""
    reason = str(error) or type(error).__name__
    return InputError(f"{shown(name)} cannot be read ({reason}).", expected, way_out)


def not_installed(needed: str, install: str) -> InputError:
    """A package that is needed for one kind of data only."""
    return InputError(f"{needed}, which is not installed.", "", f"Install it: {install}")
