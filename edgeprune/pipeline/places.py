"""Places that a build needs, looked at before anything is trained."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edgeprune.bundle.write import nearest_folder
from edgeprune.cache import LEAST_BYTES, why_unwritable
from edgeprune.errors import InputError

_EXPECTED = f"A folder that can be written, with at least {LEAST_BYTES >> 20} MB free, is expected."


def check_places(out: Path) -> None:
    """Refuses a disk that is full or cannot be written.

    Raises:
        InputError: names the folder and the option or variable that leads to it.
    """
    above = nearest_folder(out.parent)
    if problem := why_unwritable(above):
        raise InputError(
            f"--out {out} cannot be written: {above} ({problem}).", _EXPECTED,
            "Choose another --out, or free some space.",
        )
    try:
        passing = os.environ.get("TMPDIR") or tempfile.gettempdir()
    except FileNotFoundError as error:
        found = "There is no folder for temporary files."
        raise InputError(found, _EXPECTED, "Set TMPDIR to one.") from error
    problem = why_unwritable(Path(passing)) if Path(passing).is_dir() else ""
    if problem:
        raise InputError(
            f"Temporary files cannot be written to {passing} ({problem}).", _EXPECTED,
            "Free some space, or set TMPDIR to another folder.",
        )
