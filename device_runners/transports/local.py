"""This machine, in fresh processes that import no TensorFlow."""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from device_runners.transports.transport import Transport
from edgeprune.cache import writable_cache


class Local(Transport):
    """In a shell of its own; there is no connection to fail. A cache that is full is not used."""

    python = sys.executable

    def __init__(self, device: str) -> None:
        super().__init__(device)
        folder, problem = writable_cache("")
        if problem:  # the scripts make sure that it is this user's own
            self.root = str(Path(tempfile.gettempdir()) / f"{folder.name}-{os.getuid()}")

    def argv(self, line: str, *, lock_holder: bool = False) -> Sequence[str]:  # noqa: ARG002, D102
        return ["sh", "-c", line]

    def failure(self, code: int, stderr: str) -> None:  # noqa: ARG002, D102
        return None
