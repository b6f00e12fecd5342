"""Read a bundle's report.json: typed and checked field by field. Keys of newer versions are ignored.

Older versions are upgraded; `tests/report/golden` has a file of each.
"""

from pathlib import Path

from edgeprune import jsonable
from edgeprune.bundle import Bundle
from edgeprune.bundle.read import REPORT
from edgeprune.errors import InputError
from edgeprune.report.plausible import report_problems
from edgeprune.report.schema import SCHEMA_VERSION, Report

RENAMED_IN_2 = {
    ("refusals", "units"): "channels",
    ("search", "amount"): "ratio",
    ("budget", "harms"): "divergences",
    ("budget", "rows", "harm"): "added_divergence",
    ("budget", "rows", "next_units"): "next_width",
}
"""From version 1 to 2: old place of a key, lists passed through, and its new name."""


def read_report(bundle: Bundle) -> Report:
    """The bundle's report; `InputError` where there is none, or it is not one."""
    return read_report_file(bundle.file(REPORT))


def read_report_file(path: Path) -> Report:
    """The report in a file; see `read_report`."""
    document = jsonable.parse_file(path)
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(document, dict) and version == 1:
        document = _renamed({**document, "schema_version": SCHEMA_VERSION}, ())
    elif isinstance(version, int) and version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}.", f"This edgeprune reads versions 1 to {SCHEMA_VERSION}.",
            "Use the edgeprune that wrote it, or build the bundle again.",
        )
    report = jsonable.decode(Report, document, str(path))
    problem = next(report_problems(report), None)
    if problem is not None:
        raise InputError(f"{path} cannot be right: {problem}.", "", "Build the bundle again.")
    return report


def _renamed(value: jsonable.Json, place: tuple[str, ...]) -> jsonable.Json:
    if isinstance(value, list):
        return [_renamed(one, place) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        RENAMED_IN_2.get((*place, key), key): _renamed(item, (*place, key)) for key, item in value.items()
    }
