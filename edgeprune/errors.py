"""The error tree. Every message says what was found, what was expected, and the way out.

EdgepruneError
├── InputError                  exit 2: wrong usage, a bad model, bad data, a missing package
│   ├── KeywordError            an argument that a function does not have; a TypeError too
│   ├── UnsupportedLayerError   a layer that has no rule, named
│   └── UnreadableError         one file or folder that is missing, damaged or of another kind
├── VerificationError           exit 1: a gate, an equivalence or a parity check failed
└── DeviceError                 exit 3: the device refused, failed or went away
"""

from __future__ import annotations

import re


class EdgepruneError(Exception):
    """Base of everything edgeprune raises on purpose."""

    exit_code = 1

    def __init__(self, found: str, expected: str = "", way_out: str = "") -> None:
        self.found, self.expected, self.way_out = found, expected, way_out
        super().__init__(" ".join(filter(None, (found, expected, way_out))))


class InputError(EdgepruneError):
    """Wrong usage, an unreadable model, bad data, or a missing package."""

    exit_code = 2


class KeywordError(InputError, TypeError):
    """An argument that a function does not have, or one that is missing."""


class UnsupportedLayerError(InputError):
    """A layer that no rule covers and that cannot be treated as a barrier."""


class UnreadableError(InputError):
    """A file or folder that is missing, damaged or of another kind; of many files all are told together."""

    def __init__(self, name: object, reason: str, expected: str, way_out: str = "Write it again.") -> None:
        self.name, self.reason = str(name), reason
        super().__init__(f"{shown(name)} cannot be read ({reason}).", expected, way_out)


class VerificationError(EdgepruneError):
    """A gate or a check did not hold; the previous output is left as it was."""


class DeviceError(EdgepruneError):
    """The device refused, failed, or went away."""

    exit_code = 3


def plain(text: str) -> str:
    r"""Text of unknown origin as one line that means nothing but itself, wherever it is printed.

    What is not printable (control characters, line breaks, lone surrogates, turns of the reading direction)
    is shown as an escape such as ``\x1b``. GitHub takes ``::`` at the start of a line and ``##[`` anywhere
    for a workflow command, so both are broken up.
    """
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return _COMMAND.sub(r":\\:", text).replace("##[", "##\\[")


_COMMAND = re.compile(r"(?<!\S)::")


def shown(name: object) -> str:
    """A name of unknown origin, fit for a message."""
    return plain(str(name))


def unreadable(
    name: object, error: Exception, expected: str, way_out: str = "Write it again."
) -> UnreadableError:
    """A file or folder whose reading raised `error`."""
    return UnreadableError(name, str(error) or type(error).__name__, expected, way_out)


def not_installed(needed: str, install: str) -> InputError:
    """A package that is needed for one kind of data only."""
    return InputError(f"{needed}, which is not installed.", "", f"Install it: {install}")
