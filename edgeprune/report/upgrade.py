"""A report.json of an older schema version as one of today's; `tests/report/golden` has one of each.

From 1 to 2, ``refusals[].units`` became ``refusals[].channels``.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.report.schema import SCHEMA_VERSION


def upgraded(document: object) -> object:
    """The document in today's version; one of no known version comes back as it is."""
    if not isinstance(document, Mapping) or document.get("schema_version") != 1:
        return document
    refusals = document.get("refusals", [])
    if isinstance(refusals, list):
        refusals = [_refusal(one) if isinstance(one, Mapping) else one for one in refusals]
    return {**document, "schema_version": SCHEMA_VERSION, "refusals": refusals}


def _refusal(one: Mapping[str, object]) -> dict[str, object]:
    return {"channels" if key == "units" else key: value for key, value in one.items()}
