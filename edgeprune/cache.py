"""Where edgeprune keeps what can be made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where edgeprune keeps what can be made again."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "edgeprune"
