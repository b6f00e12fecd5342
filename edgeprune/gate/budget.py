"""The `[budget]` table of a recipe file.

    [budget]
    max_size = "200kB"
    max_latency = "5ms"
    min_accuracy = 0.95
    max_drop = 0.5
    percentile = 90                           # of the latency; 50 unless said
    device = ["ssh://pi@raspberrypi.local"]   # measure there; without, report.json's figures count

All keys may be left out; the command line beats the file.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import sys
from pathlib import Path
from typing import Any

from edgeprune.errors import InputError
from edgeprune.gate.limits import RULES, Limits

PERCENTILES = (50, 90, 99)
_MAX_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a recipe file asks of a bundle.

    Attributes:
        percentile: of the latency; None where the file does not say.
        devices: to measure on.
    """

    limits: Limits = dataclasses.field(default_factory=Limits)
    percentile: int | None = None
    devices: tuple[str, ...] = ()


def read_budget(path: Path | str) -> Budget:
    """Read the table; other tables of the file are the build's.

    Raises:
        InputError: no such file, no TOML, no table, or a key or value that means nothing.
    """
    path = Path(path)
    document = _load(path)
    table = document.get("budget")
    if not isinstance(table, dict):
        raise InputError(
            f"{path} has no [budget] table.", f"Keys are {', '.join(_keys())}.", "Add one, or drop --recipe."
        )
    for key in table:
        _check_key(key, path)
    limits = Limits(**{
        rule.field: rule.parse(table[rule.key], f"{path}: {rule.key}") for rule in RULES if rule.key in table
    })
    return Budget(limits, _percentile(table, path), _devices(table, path))


def _load(path: Path) -> dict[str, Any]:
    tomllib = _toml()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than {_MAX_BYTES} bytes.", "A recipe is a small TOML file.")
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", "A recipe was expected.") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise InputError(f"{path} is no TOML ({error}).", "A recipe file was expected.") from error
    return found


def _toml() -> Any:
    """Python's own reader, or on Python 3.10 the package it came from."""
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(
            f"Reading a recipe file needs {name}, which is not installed.",
            way_out=f"Install it with: pip install {name}",
        ) from error


def _keys() -> list[str]:
    return [*(rule.key for rule in RULES), "percentile", "device"]


def _check_key(key: str, path: Path) -> None:
    if key not in _keys():
        near = difflib.get_close_matches(key.replace("-", "_"), _keys(), 1)
        hint = f"Did you mean '{near[0]}'?" if near else ""
        raise InputError(f"{path}: [budget] has no '{key}'.", f"Keys are {', '.join(_keys())}.", hint)


def _percentile(table: dict[str, Any], path: Path) -> int | None:
    found = table.get("percentile")
    if found is not None and (isinstance(found, bool) or found not in PERCENTILES):
        raise InputError(f"{path}: percentile = {found!r}.", "Expected 50, 90 or 99.")
    return None if found is None else int(found)


def _devices(table: dict[str, Any], path: Path) -> tuple[str, ...]:
    found = table.get("device", [])
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{path}: device = {found!r}.", 'Expected ["local"], say.')
    return tuple(names)
