"""Memory of this process, from /proc; None where the system has none (or hides it)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional


def resident_bytes() -> Optional[int]:
    """RSS now."""
    return status_bytes("VmRSS", "/proc/self/status")


def peak_bytes() -> Optional[int]:
    """Highest RSS so far."""
    return status_bytes("VmHWM", "/proc/self/status")


def proportional_bytes() -> Optional[int]:
    """PSS: pages shared with other processes count in part."""
    return status_bytes("Pss", "/proc/self/smaps_rollup")


def status_bytes(field: str, path: str) -> Optional[int]:
    """The figure after ``field:`` in a /proc file whose unit is kB."""
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    match = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else None


def difference(after: Optional[int], before: Optional[int]) -> Optional[int]:
    """What was added; None where either is unknown. Never below 0: pages may be given back."""
    return None if after is None or before is None else max(after - before, 0)
