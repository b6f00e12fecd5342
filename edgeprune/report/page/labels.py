"""How well each of several labels is found: filled bars for the deployed model, outlines for the original."""

from collections.abc import Sequence

from edgeprune.report.page.bars import MAX_ROWS, Bar, bars
from edgeprune.report.page.examples import class_name
from edgeprune.report.page.html import Html, table
from edgeprune.report.page.svg import figure
from edgeprune.report.plots import LabelsReport

_COLUMNS = (
    "label", "samples with it", "found by the original", "found by the deployed model",
    "wrongly by the original", "wrongly by the deployed model",
)


def labels_figure(identity: str, found: LabelsReport, classes: Sequence[str], name: str) -> Html | None:
    """The bars, and the counts behind them; None where the report's counts do not fit each other."""
    counts = (
        found.true, found.baseline_hits, found.deployed_hits, found.baseline_false, found.deployed_false
    )
    rows = list(zip(*counts, strict=False))
    fits = all(len(one) == len(rows) for one in counts) and min(map(min, rows), default=-1) >= 0
    if not fits or any(max(before, after) > true for true, before, after, *_ in rows):
        return None
    labels = [class_name(number, classes) for number in range(len(rows))]
    drawn = [
        Bar(label, _f1(true, after, after_false), _f1(true, before, before_false),
            f"{100 * _f1(true, before, before_false):.1f} → {100 * _f1(true, after, after_false):.1f} %")
        for label, (true, before, after, before_false, after_false) in zip(labels, rows, strict=True)
    ]
    title = f"F1 of each label of {name}" if name else "F1 of each label"
    more = f" The first {MAX_ROWS} of {len(rows)} labels are drawn." if len(rows) > MAX_ROWS else ""
    caption = f"{title} on test data: filled bars are the deployed model's, outlines the original's.{more}"
    cells = [(label, *(f"{one:,}" for one in row)) for label, row in zip(labels, rows, strict=True)]
    return figure(bars(identity, title, drawn), caption, table(title, _COLUMNS, cells))


def _f1(true: int, hits: int, false: int) -> float:
    """2 hits / (labels that are there + labels that were given); 0 without any."""
    return 2 * hits / (true + hits + false) if true + hits + false else 0.0
