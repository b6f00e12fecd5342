"""The one reader of TOML files."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from edgeprune.errors import InputError

_MAX_BYTES = 1 << 20
_MODULE = "tomllib" if sys.version_info >= (3, 11) else "tomli"


def read_toml(path: Path) -> dict[str, object]:
    """The top-level table of a recipe file.

    Raises:
        InputError: no such file, too large, no TOML, or (on Python 3.10) no reader of TOML.
    """
    try:
        toml = importlib.import_module(_MODULE)
    except ModuleNotFoundError as error:
        raise InputError(
            f"Reading a recipe file needs {_MODULE}, which is not installed.",
            way_out=f"Install it with: pip install {_MODULE}",
        ) from error
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than {_MAX_BYTES} bytes.", "A recipe is a short TOML file.")
        found: dict[str, object] = toml.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no recipe {path}.", way_out="edgeprune build --write-recipe prints one."
        ) from None
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise InputError(f"{path} cannot be read as TOML ({error}).", "A recipe file is expected.") from error
    return found
