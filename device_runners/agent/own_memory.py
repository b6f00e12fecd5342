"""What the agent itself takes, so that a record has the memory of a program that only runs the model.

Imported before everything else of the agent, and numpy first, which such a program needs too. For that reason
it reads the file by itself: what `facts` imports would go uncounted.
"""

from __future__ import annotations

import contextlib
from typing import Optional

with contextlib.suppress(ImportError):  # said in a sentence as soon as it is needed
    import numpy as np  # noqa: F401


def resident() -> Optional[int]:
    """RSS of this process in bytes; None where the system has no /proc."""
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:")), None)
    except (OSError, ValueError, IndexError):
        return None


_BEFORE = resident()


def taken() -> Optional[int]:
    """By everything that was loaded since numpy; None where the system does not tell."""
    now = resident()
    return None if now is None or _BEFORE is None else max(now - _BEFORE, 0)
