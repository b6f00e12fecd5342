"""A confusion matrix: rows are true classes, columns predictions; a shade is a fraction of its row.

Shades between 0.42 and 0.92 are left out: no text could be read on them in both light and dark.
"""

from collections.abc import Sequence

from edgeprune.report.page.html import Html, tag
from edgeprune.report.page.svg import Drawing, drawing, label, shorten, text_width

MAX_CLASSES = 30
_CELLS = 420.0
_TOP = 20.0
_MOST_OF_A_CELL = 90.0
_HALF = 0.5  # more than that of its row makes a cell dark
_MAX_NUMBERED = 16


def heatmap(identity: str, title: str, counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Drawing:
    """Of square counts (true, predicted) of at most `MAX_CLASSES`."""
    names = [shorten(name, 12) for name in labels]
    size = min(_CELLS / len(counts), _MOST_OF_A_CELL)
    cells = size * len(counts)
    left = 32 + max(text_width(name) for name in names) + (_CELLS - cells) / 2
    parts = [
        label(left + cells / 2, 12, "predicted", anchor="middle", kind="name"),
        tag("text", "true", x=14, y=_TOP + cells / 2, text_anchor="middle", class_="name",
            transform=f"rotate(-90 14 {_TOP + cells / 2:.1f})"),
    ]
    for row, line in enumerate(counts):
        y, total = _TOP + row * size, sum(line) or 1
        parts.append(label(left - 6, y + size / 2 + 4, names[row], anchor="end"))
        parts.append(_column_name(left + (row + 0.5) * size, _TOP + cells, names[row], size))
        for column, count in enumerate(line):
            if count:
                parts += _cell(left + column * size, y, size, count, count / total, right=row == column,
                               words=f"{labels[row]} predicted as {labels[column]}: {count}",
                               numbered=len(counts) <= _MAX_NUMBERED)
    deep = 16 + max(text_width(name) for name in names) * 0.75
    correct, every = sum(line[i] for i, line in enumerate(counts)), sum(map(sum, counts))
    return drawing(
        identity, title, f"{correct:,} of {every:,} predictions are on the diagonal, that is, right.",
        left + (_CELLS + cells) / 2 + 8, _TOP + cells + deep,
        tag("rect", x=left, y=_TOP, width=cells, height=cells, fill="none", class_="grid"), *parts,
    )


def shade(fraction: float) -> float:
    """Opacity of a cell for its fraction of the row."""
    return 0.92 + 0.16 * (fraction - _HALF) if fraction > _HALF else 0.12 + 0.6 * fraction


def _cell(
    x: float, y: float, size: float, count: int, fraction: float, *, right: bool, words: str, numbered: bool
) -> list[Html]:
    cell = tag(
        "rect", tag("title", words), x=x + 0.5, y=y + 0.5, width=size - 1, height=size - 1,
        class_="cell" if right else "wrong", fill_opacity=f"{shade(fraction):.2f}",
    )
    if not numbered:
        return [cell]
    kind = "on-cell" if fraction > _HALF else "count"
    return [cell, label(x + size / 2, y + size / 2 + 4, f"{count:,}", anchor="middle", kind=kind)]


def _column_name(x: float, y: float, name: str, size: float) -> Html:
    """Below its column; turned where it would not fit."""
    if text_width(name) < size:
        return label(x, y + 14, name, anchor="middle")
    return tag("text", name, x=x, y=y + 12, text_anchor="end", class_="tick",
               transform=f"rotate(-45 {x:.1f} {y + 12:.1f})")
