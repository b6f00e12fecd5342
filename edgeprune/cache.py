"""Where edgeprune keeps what can be made again, and whether a folder can be written at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

LEAST_BYTES = 32 << 20
"""Free space without which no build comes to its end."""


def cache_folder() -> Path:
    """Where edgeprune keeps what can be made again; without a home, nowhere."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "edgeprune"
    except RuntimeError:  # neither HOME nor an account
        return Path(os.devnull) / "edgeprune"


def writable_cache(kind: str) -> tuple[Path, str]:
    """The cache's folder for one kind of files, and why nothing can be kept there; empty where it can."""
    folder = cache_folder() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return folder, reason(error)
    return folder, why_unwritable(folder)


def why_unwritable(folder: Path) -> str:
    """Why a folder that is there cannot take the files of a build; empty where it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return reason(error)
    return "" if free >= LEAST_BYTES else f"{free / 1e6:.1f} MB are free"


def reason(error: OSError) -> str:
    """What the system says, without numbers and names."""
    return error.strerror or type(error).__name__
