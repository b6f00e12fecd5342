"""The `[limits]` table of a recipe file: what `edgeprune check` refuses to exceed.

    [limits]
    max_size = "200kB"
    max_latency = "5ms"
    min_accuracy = 0.95
    max_drop = 0.5                            # or for each metric: max_drop = {"class/accuracy" = 1}
    min = {"class/accuracy" = 90}             # max for metrics of which less is better
    percentile = 90                           # of the latency; default 50
    device = ["ssh://pi@raspberrypi.local"]   # measure there; without it report.json's figures count

All keys are optional; the command line beats the file. A file without `[limits]` may have the table under
its older name, `[budget]`; a note then says so.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path

from edgeprune.errors import InputError
from edgeprune.gate.limits import LIMITS, Limits
from edgeprune.recipe.toml import read_toml

PERCENTILES = (50, 90, 99)
_KEYS = (*(limit.key for limit in LIMITS), "min", "max", "percentile", "device")


@dataclasses.dataclass(frozen=True)
class RecipeLimits:
    """What a recipe file asks of a bundle."""

    limits: Limits = dataclasses.field(default_factory=Limits)
    percentile: int | None = None  # of the latency; None where the file does not say
    devices: tuple[str, ...] = ()  # to measure on
    notes: tuple[str, ...] = ()  # what to change in the file


def has_limits(path: Path | str) -> bool:
    """Whether a recipe file has the table."""
    document = read_toml(Path(path))
    return any(isinstance(document.get(name), Mapping) for name in ("limits", "budget"))


def read_limits(path: Path | str) -> RecipeLimits:
    """Read the table; other tables of the file are the build's.

    Raises:
        InputError: no such file, no TOML, no table, or a key or value that means nothing.
    """
    path = Path(path)
    document = read_toml(path)
    name = "limits" if "limits" in document else "budget"
    table = document.get(name)
    keys = f"Keys are {', '.join(_KEYS)}."
    if not isinstance(table, Mapping):
        raise InputError(f"{path} has no [limits] table.", keys, "Add one, or drop --recipe.")
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key.replace("-", "_"), _KEYS, 1)
            hint = f"Did you mean '{near[0]}'?" if near else ""
            raise InputError(f"{path}: [{name}] has no '{key}'.", keys, hint)
    written = {limit.key: table[limit.key] for limit in LIMITS if limit.key in table}
    limits = Limits.parse(
        **written, minimum=table.get("min"), maximum=table.get("max"), where=f"{path}: ",
    )
    old = (f"{path}: [budget] was renamed to [limits]; please rename it.",) if name == "budget" else ()
    return RecipeLimits(limits, _percentile(table, path), _devices(table, path), old)


def _percentile(table: Mapping[str, object], path: Path) -> int | None:
    found = table.get("percentile")
    known = next((one for one in PERCENTILES if one == found), None)
    if found is not None and known is None:
        raise InputError(f"{path}: percentile = {found!r}.", "Expected 50, 90 or 99.")
    return known


def _devices(table: Mapping[str, object], path: Path) -> tuple[str, ...]:
    found = table.get("device", [])
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{path}: device = {found!r}.", 'Expected a list such as ["local"].')
    return tuple(names)
