"""The error tree. Every message says what was found, what was expected, and the way out.

EdgepruneError
├── InputError                  exit 2: wrong usage, a bad model, bad data, a missing package
│   └── UnsupportedLayerError   a layer that has no rule, named
├── VerificationError           exit 1: a gate, an equivalence or a parity check failed
└── DeviceError                 exit 3: the device refused, failed or went away
"""

from __future__ import annotations


class EdgepruneError(Exception):
    """Base of everything edgeprune raises on purpose."""

    exit_code = 1

    def __init__(self, found: str, expected: str = "", way_out: str = "") -> None:
        self.found, self.expected, self.way_out = found, expected, way_out
        super().__init__(" ".join(filter(None, (found, expected, way_out))))


class InputError(EdgepruneError):
    """Wrong usage, an unreadable model, bad data, or a missing package."""

    exit_code = 2


class UnsupportedLayerError(InputError):
    """A layer that no rule covers and that cannot be treated as a barrier."""


class VerificationError(EdgepruneError):
    """A gate or a check did not hold; the previous output is left as it was."""


class DeviceError(EdgepruneError):
    """The device refused, failed, or went away."""

    exit_code = 3
