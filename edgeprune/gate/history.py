"""Earlier bundles: since when a limit is broken, and what changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from edgeprune.bundle import Bundle, read_bundle
from edgeprune.bundle.read import MANIFEST
from edgeprune.errors import InputError
from edgeprune.gate.limits import Limit
from edgeprune.gate.result import Past
from edgeprune.report.figures import Figure


def earlier_bundles(against: Path | str, current: Path) -> list[Bundle]:
    """The bundle `against`, or the bundles in that folder, newest first.

    Newest is by name, numbers counted as such: v2 comes before v10. Times of files say nothing after
    a checkout or a download.

    Raises:
        InputError: there is none, or one is damaged.
    """
    folder = Path(against)
    if (folder / MANIFEST).exists():
        return [read_bundle(folder)]
    found = sorted(
        (path.parent for path in folder.glob(f"*/{MANIFEST}") if path.parent.resolve() != current.resolve()),
        key=_natural, reverse=True,
    )
    if not found:
        raise InputError(
            f"{folder} holds no earlier bundle.",
            "A bundle, or a folder with bundles in it, was expected after --against.",
        )
    return [read_bundle(path) for path in found]


def past_figures(
    limit: Limit, allowed: float, bundles: Sequence[Bundle], figure_of: Callable[[Bundle], Figure]
) -> tuple[Past, ...]:
    """The newest earlier bundle's figure, and further ones for as long as the limit is broken there too.

    Args:
        allowed: by the limit.
        bundles: newest first.
        figure_of: the figure; measuring it may take a while, so it is called no more than needed.
    """
    past: list[Past] = []
    for bundle in bundles:
        value = figure_of(bundle).value
        past.append(Past(bundle.path.name or str(bundle.path), value))
        if value is None or not limit.broken(value, allowed):
            break
    return tuple(past)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Digits compare as numbers, the rest as text."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", path.name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]
