"""A report.json of an older schema version as one of today's; `tests/report/golden` has one of each.

From 1 to 2, ``refusals[].units`` became ``channels`` and ``search[].amount`` became ``ratio``.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.report.schema import SCHEMA_VERSION


def upgraded(document: object) -> object:
    """The document in today's version; one of no known version comes back as it is."""
    if not isinstance(document, Mapping) or document.get("schema_version") != 1:
        return document
    found = {**document, "schema_version": SCHEMA_VERSION}
    for field, old, new in (("refusals", "units", "channels"), ("search", "amount", "ratio")):
        if isinstance(rows := found.get(field), list):
            found[field] = [_renamed(row, old, new) for row in rows]
    return found


def _renamed(row: object, old: str, new: str) -> object:
    if not isinstance(row, Mapping):
        return row
    return {new if key == old else key: value for key, value in row.items()}
