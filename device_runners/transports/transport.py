"""What a transport is."""

import abc
from collections.abc import Sequence

from device_runners.scripts import ANY_PYTHON
from edgeprune.errors import DeviceError


class Transport(abc.ABC):
    """How to run a shell line on one device, which goes by the name that the user gave it."""

    root = ""  # folder for edgeprune's files there; empty for the user's own cache folder
    python = ANY_PYTHON  # to run the agent with, unless the user names one

    def __init__(self, device: str) -> None:
        self.device = device

    @abc.abstractmethod
    def argv(self, line: str, *, lock_holder: bool = False) -> Sequence[str]:
        """The local command that runs `line` there and passes on its stdin, stdout, stderr and exit code.

        The lock holder's is a session's first and longest-lived one; the others may share its connection.
        """

    @abc.abstractmethod
    def failure(self, code: int, stderr: str) -> DeviceError | None:
        """The connection's error that a failed `argv` command shows; None if the connection worked."""

    def close(self) -> None:  # noqa: B027  (not every transport holds something)
        """Release what is held for the connection."""
