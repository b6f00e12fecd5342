"""What a transport is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.errors import DeviceError


class Transport(Protocol):
    """How to run a shell line on one device.

    Attributes:
        device: as the user named it.
        root: folder for edgeprune's files there; empty for the user's own cache folder.
        python: the Python to run the agent with, unless the user names one.
    """

    device: str
    root: str
    python: str

    def argv(self, line: str, *, keeper: bool = False) -> Sequence[str]:
        """The local command that runs `line` there, its stdin, stdout, stderr and exit code passed on.

        Args:
            line: for the device's shell.
            keeper: it is the first and longest-lived one; the others may share its connection.
        """

    def failure(self, code: int, stderr: str) -> DeviceError | None:
        """The error that a failed `argv` command shows of the connection; None if it worked."""

    def close(self) -> None:
        """Let go of the connection."""
