"""`edgeprune.write_report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeprune.api.bench import several
from edgeprune.bundle import Bundle
from edgeprune.bundle.read import MANIFEST
from edgeprune.gate.recipe_limits import read_limits
from edgeprune.gate.verdicts import limit_verdicts
from edgeprune.keywords import checked
from edgeprune.report import page
from edgeprune.sweep.front import FRONT, read_front
from edgeprune.sweep.front_page import front_page


@checked()
def write_report(
    bundles: Path | str | Bundle | Sequence[Path | str | Bundle],
    out: Path | str = "edgeprune-report.html", records: Path | str | Sequence[Path | str] = (),
    recipe: Path | str | None = None, before: Path | str | Sequence[Path | str] = (),
) -> Path:
    """Writes one HTML page with all figures and plots, or a comparison of several builds.

    >>> edgeprune.write_report("build/mine", "page.html").name
    'page.html'

    Args:
        bundles: one bundle or several, themselves or their folders; or the folder of a search.
        out: file to write; its folder is made.
        records: files with the output of ``edgeprune bench --json``, for latency on devices.
        recipe: TOML file with a ``[limits]`` table, for the verdict on top of the page.
        before: files with the output of ``edgeprune bench ORIGINAL.tflite --profile --json``, whose layers
            are compared.

    Raises:
        InputError: a bundle or record that cannot be read, or a record of another model; nothing is written
            then.
    """
    folders = [Path(one) for one in several(bundles)]
    records = several(records)
    front = folders[0] / FRONT if len(folders) == 1 else None
    if front is not None and not records and front.is_file() and not (folders[0] / MANIFEST).exists():
        return page.write_page(Path(out), front_page(read_front(front)))
    asked = None if recipe is None else read_limits(recipe)
    limits = [() if asked is None else limit_verdicts(folder, asked) for folder in folders]
    return page.write_report(folders, Path(out), records, limits, several(before))
