"""Read a bundle's report.json: typed, checked field by field, whoever wrote it.

Strict JSON: a key given twice and numbers that are not finite are refused, so that what one reader sees
is what every reader sees. Keys of newer versions are ignored.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.report.schema import REPORT, SCHEMA_VERSION, Report
from edgeprune.report.upgrade import upgraded

if TYPE_CHECKING:
    from pathlib import Path

    from edgeprune.bundle import Bundle

_MAX_BYTES = 64 << 20


def read_report(bundle: Bundle) -> Report:
    """The bundle's report; one of an older version is upgraded.

    Raises:
        InputError: there is none, or it is not one.
    """
    return read_report_file(bundle.file(REPORT))


def read_report_file(path: Path) -> Report:
    """The report in a file; see `read_report`."""
    report = jsonable.decode(Report, upgraded(strict_json(path)), str(path))
    assert isinstance(report, Report)  # noqa: S101  (tells the type checker what decode has checked)
    if report.schema_version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {report.schema_version}.",
            f"This edgeprune reads versions 1 to {SCHEMA_VERSION}.",
            "Use the edgeprune that wrote it, or build the bundle again.",
        )
    return report


def strict_json(path: Path) -> object:
    """One JSON document, with no key twice and finite numbers only.

    Raises:
        InputError: anything else, or a file that is too large to be meant.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path} is larger than {_MAX_BYTES} bytes.", "A report is a small JSON file.")
    try:
        found: object = json.loads(
            path.read_bytes(), object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite,
            parse_int=_bounded,
        )
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}).", "One JSON document was expected.", "Build the bundle again."
        ) from error
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return found


def _bounded(text: str) -> int:
    if abs(value := int(text)) >= 1 << 63:
        raise ValueError(f"the number {text[:60]} is too large")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"the number {text[:60]} is not finite")
    return value
