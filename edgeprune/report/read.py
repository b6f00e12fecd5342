"""Read a bundle's report.json: typed and checked field by field. Keys of newer versions are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeprune import jsonable
from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.report.schema import REPORT, SCHEMA_VERSION, Report
from edgeprune.report.upgrade import upgraded

_MAX_BYTES = 64 << 20


def read_report(bundle: Bundle) -> Report:
    """The bundle's report; one of an older version is upgraded.

    Raises:
        InputError: there is none, or it is not one.
    """
    return read_report_file(bundle.file(REPORT))


def read_report_file(path: Path) -> Report:
    """The report in a file; see `read_report`."""
    document = upgraded(strict_json(path))
    version = document.get("schema_version") if isinstance(document, Mapping) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}.", f"This edgeprune reads versions 1 to {SCHEMA_VERSION}.",
            "Use the edgeprune that wrote it, or build the bundle again.",
        )
    return jsonable.decode(Report, document, str(path))


def strict_json(path: Path) -> jsonable.Json:
    """One JSON document, see `edgeprune.jsonable.parse`.

    Raises:
        InputError: anything else, or a file that is too large to be meant.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path} is larger than {_MAX_BYTES} bytes.", "A report is a small JSON file.")
    return jsonable.parse(path.read_bytes(), str(path))
