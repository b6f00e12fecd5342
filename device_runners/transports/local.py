"""This machine, in fresh processes that import no TensorFlow."""

import sys
from collections.abc import Sequence

from device_runners.transports.transport import Transport


class Local(Transport):
    """In a shell of its own; there is no connection to fail."""

    python = sys.executable

    def argv(self, line: str, *, lock_holder: bool = False) -> Sequence[str]:  # noqa: ARG002, D102
        return ["sh", "-c", line]

    def failure(self, code: int, stderr: str) -> None:  # noqa: ARG002, D102
        return None
