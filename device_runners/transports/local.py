"""This machine, in fresh processes that import no TensorFlow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.errors import DeviceError


class Local:
    """See `Transport`."""

    device = "local"
    root = ""
    python = sys.executable

    def argv(self, line: str, *, keeper: bool = False) -> Sequence[str]:
        """Run in a shell of its own."""
        del keeper
        return ["sh", "-c", line]

    def failure(self, code: int, stderr: str) -> DeviceError | None:
        """There is no connection to fail."""
        del code, stderr
        return None

    def close(self) -> None:
        """Nothing is held."""
