"""How far predictions lie from the truth: bars of the deployed model over the outline of the original's."""

from collections.abc import Sequence
from itertools import pairwise

from edgeprune.report.page.html import Html, table, tag
from edgeprune.report.page.svg import axes, drawing, figure, frame, polyline, shorten
from edgeprune.report.plots import ErrorsReport

_UNIT = 40
"""Characters of a unit along the axis."""


def errors_figure(identity: str, errors: ErrorsReport, name: str) -> Html | None:
    """The histogram; None where the report's counts do not fit its edges."""
    edges, before, after = errors.edges, errors.baseline, errors.deployed
    fits = len(edges) - 1 == len(before) == len(after) and min((*before, *after), default=-1) >= 0
    if not fits or list(edges) != sorted(set(edges)) or not any((*before, *after)):
        return None
    highest = max(after if errors.of_original and any(after) else (*before, *after))
    area = frame((edges[0], edges[-1]), (0.0, float(highest)), height=260)
    x_name = "deployed - original" if errors.of_original else "prediction - truth"
    x_name += f", in {shorten(errors.unit, _UNIT)}" if errors.unit else ""
    bars = [
        tag("rect", tag("title", f"{low:.3g} to {high:.3g}: {_counted(count, old, errors)}"),
            x=area.x.at(low), y=area.y.at(count), width=max(area.x.at(high) - area.x.at(low) - 1, 0.5),
            height=area.y.start - area.y.at(count), class_="deployed")
        for low, high, count, old in zip(edges, edges[1:], after, before, strict=False)
    ]
    corners = [(area.x.at(edges[0]), area.y.start)]
    for low, high, count in zip(edges, edges[1:], before, strict=False):
        corners += [(area.x.at(low), area.y.at(count)), (area.x.at(high), area.y.at(count))]
    corners.append((area.x.at(edges[-1]), area.y.start))
    middle = tag("line", x1=area.x.at(0.0), x2=area.x.at(0.0), y1=area.y.end, y2=area.y.start, class_="mark")
    title = "Differences from the original" if errors.of_original else "Errors"
    title += f" of {name}" if name else "" if errors.of_original else " of the predictions"
    words = _words(errors)
    picture = drawing(
        identity, title, words, area.width, area.height,
        axes(area, x_name, "values", lambda v: f"{v:.4g}", lambda v: f"{v:,.0f}"), *bars,
        *([] if errors.of_original else [polyline(corners, "outline")]), middle,
    )
    spans = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    numbers = [after] if errors.of_original else [before, after]
    names = ("deployed",) if errors.of_original else ("original", "deployed")
    data = table(title, (x_name, *names), [
        (span, *(f"{one:,}" for one in counts)) for span, *counts in zip(spans, *numbers, strict=False)
    ])
    meaning = "the deployed model's outputs minus the original's, which stand for the truth"
    if not errors.of_original:
        meaning = "bars are those of the deployed model, the line those of the original"
    return figure(picture, f"{title}: {meaning}. {words}", data)


def _counted(deployed: int, original: int, errors: ErrorsReport) -> str:
    return f"{deployed:,}" if errors.of_original else f"{deployed:,} deployed, {original:,} original"


def _words(errors: ErrorsReport) -> str:
    unit = f" {errors.unit}" if errors.unit else ""
    after, before = (_median(errors.edges, counts) for counts in (errors.deployed, errors.baseline))
    if errors.of_original:
        far = errors.deployed_beyond
        beyond = f" Not drawn, beyond the edges: {far:,}." if far else ""
        return f"Half of the differences are below {after:.3g}{unit}.{beyond}"
    words = (
        f"Half of the deployed model's errors are below {after:.3g}{unit}, half of the original's below "
        f"{before:.3g}."
    )
    if errors.deployed_beyond or errors.baseline_beyond:
        after_beyond, before_beyond = errors.deployed_beyond, errors.baseline_beyond
        words += (
            f" Not drawn, beyond the edges: {after_beyond:,} of the deployed model, {before_beyond:,} of the "
            "original."
        )
    return words


def _median(edges: Sequence[float], counts: Sequence[int]) -> float:
    """Of the distances from zero, to the width of a bin."""
    bins = zip(edges, edges[1:], counts, strict=False)
    middles = sorted((abs(low + high) / 2, count) for low, high, count in bins)
    half, seen = sum(counts) / 2, 0
    for distance, count in middles:
        seen += count
        if seen >= half:
            return distance
    return 0.0

