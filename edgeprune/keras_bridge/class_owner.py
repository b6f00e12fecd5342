"""Who can mend a layer's class: the user who wrote it, or the authors of the package that it came with."""

from __future__ import annotations

import importlib.metadata


def who_mends(kind: type, change: str) -> str:
    """The way out of a fault in a class: the `change` for a user's own, the package's name for all others."""
    top = kind.__module__.partition(".")[0]
    packages = importlib.metadata.packages_distributions().get(top, [])
    if not packages:
        return change
    return f"The class is from the package {packages[0]}: try another version of it, or a layer of your own."
