"""Layers, losses and metrics of the user's own, out of a module they name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from edgeprune.errors import InputError


def objects_of(module: str) -> dict[str, object]:
    """Every class and function of a module by name; the module is found from the working folder too.

    Naming a module is asking for its code to run.

    Raises:
        InputError: it cannot be imported.
    """
    if not module:
        return {}
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # whatever the user's own code raises
        raise InputError(
            f"--custom-objects {module} cannot be imported ({type(error).__name__}: {error}).",
            "A module with the model's own layers, losses and metrics is expected.",
            "Name it as Python does, as package.module, from the folder it lies in.",
        ) from error
    finally:
        sys.path.remove(here)
    return {
        name: value for name, value in vars(loaded).items() if callable(value) and not name.startswith("_")
    }
