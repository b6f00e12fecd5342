"""A report.json of an older schema version as one of today's; `tests/report/golden` has one of each.

From 1 to 2, keys were renamed: `RENAMED_IN_2`.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.report.schema import SCHEMA_VERSION

RENAMED_IN_2 = {
    ("refusals", "units"): "channels",
    ("search", "amount"): "ratio",
    ("budget", "harms"): "divergences",
    ("budget", "rows", "harm"): "added_divergence",
    ("budget", "rows", "next_units"): "next_width",
}
"""Old place of a key, lists passed through, and its new name."""


def upgraded(document: object) -> object:
    """The document in today's version; one of no known version comes back as it is."""
    if not isinstance(document, Mapping) or document.get("schema_version") != 1:
        return document
    return {**_renamed(document, ()), "schema_version": SCHEMA_VERSION}


def _renamed(table: Mapping[str, object], place: tuple[str, ...]) -> dict[str, object]:
    return {
        RENAMED_IN_2.get((*place, key), key): _below(value, (*place, key)) for key, value in table.items()
    }


def _below(value: object, place: tuple[str, ...]) -> object:
    if isinstance(value, list):
        return [_below(one, place) for one in value]
    return _renamed(value, place) if isinstance(value, Mapping) else value
