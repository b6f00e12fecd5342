"""Horizontal bars, one row for each layer or label: before as an outline, after filled.

    conv2d    ████████░░░░░░  24 of 32

Names stand to the left, what is left of what to the right.
"""

import dataclasses
from collections.abc import Sequence

from edgeprune.report.page.html import Html, tag
from edgeprune.report.page.svg import Drawing, Scale, drawing, label, shorten, text_width

MAX_ROWS = 80
_WIDTH, _ROW, _BAR, _TOP = 520.0, 24.0, 14.0, 8.0
_NAME_CHARACTERS = 24


@dataclasses.dataclass(frozen=True)
class Bar:
    """One row, with `words` at the end of the bar; without `before`, a single value."""

    name: str
    value: float
    before: float | None
    words: str


def bars(identity: str, title: str, rows: Sequence[Bar], kind: str = "deployed") -> Drawing:
    """At least one row, at most `MAX_ROWS`; `kind` is their colour."""
    shown = rows[:MAX_ROWS]
    names = [shorten(row.name, _NAME_CHARACTERS) for row in shown]
    left = 16 + max(text_width(name) for name in names)
    end = _WIDTH - 12 - max(text_width(row.words) for row in shown)
    longest = max(max(row.value, row.before or 0.0) for row in shown)
    scale = Scale(0.0, longest or 1.0, left, max(end, left + 80))
    parts = []
    for index, (row, name) in enumerate(zip(shown, names, strict=True)):
        y = _TOP + index * _ROW
        parts.append(label(left - 8, y + _BAR - 3, name, anchor="end"))
        if row.before is not None:
            parts.append(_bar(scale, y, row.before, "ghost", f"{row.name} before"))
        parts += [
            _bar(scale, y, row.value, kind, f"{row.name}: {row.words}"),
            label(scale.at(max(row.value, row.before or 0.0)) + 6, y + _BAR - 3, row.words),
        ]
    values = "; ".join(f"{row.name}: {row.words}" for row in shown)
    height = 2 * _TOP + len(shown) * _ROW
    return drawing(identity, title, f"{title}. {values}.", _WIDTH, height, *parts)


def _bar(scale: Scale, y: float, value: float, kind: str, tooltip: str) -> Html:
    wide = max(scale.at(value) - scale.start, 1.0)
    return tag("rect", tag("title", tooltip), x=scale.start, y=y, width=wide, height=_BAR, rx=2, class_=kind)


def show_count(value: float) -> str:
    """Counts at a glance: 1.2 M, 34 k."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.4g}"
