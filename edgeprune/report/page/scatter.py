"""Quality against what it costs: one mark for each point, and lines between some of them.

    metric │  ·  deployed  ─ ─ ─ ─  ·  original          up and to the left is better
           └──────────────────────────
             size or latency

A stage has a shape and a colour of its own, so that neither alone has to be told apart.
"""

import dataclasses
from collections.abc import Sequence

from edgeprune.report.page import svg
from edgeprune.report.page.html import Html, join, tag

STAGE_NAMES = {"baseline": "original", "pruned": "pruned (float)", "deployed": "deployed"}
_NAME_CHARACTERS = 28
_LINE = 14.0
_BOLD = 1.22
"""Times the width of other text."""
_LOG_FROM = 6.0  # times between the smallest and the largest: a linear axis would press some together


@dataclasses.dataclass(frozen=True)
class Point:
    """One model."""

    name: str
    stage: str
    x: float
    y: float


def scatter(
    identity: str, title: str, points: Sequence[Point], names: tuple[str, str],
    shows: tuple[svg.Show, svg.Show], *, x_tick: svg.Show, y_tick: svg.Show, way: bool = False,
    front: Sequence[Point] = (), height: float = 300,
) -> svg.Drawing:
    """At least one point; `names` of the axes and how to write their values (`shows`), x first.

    With `way` a dashed line joins the points in their order; a step line joins those of the `front`,
    which no other beats, by x.
    """
    x_show, y_show = shows
    ys = [point.y for point in points]
    # A difference of a hundredth of a point is no difference: never zoom in closer than two points.
    room = max((max(ys) - min(ys)) * 0.25, 0.01)
    y_range = (max(min(ys) - room, min(0.0, *ys)), max(ys) + room)
    if max(ys) <= 1:
        y_range = (y_range[0], min(y_range[1], 1.0))
    xs = [point.x for point in points]
    log = min(xs) > 0 and max(xs) / min(xs) > _LOG_FROM
    area = svg.frame((min(xs) if log else 0.0, max(xs) or 1.0), y_range, height=height, log=log)
    x_name = f"{names[0]} (logarithmic)" if log else names[0]
    parts = [svg.axes(area, x_name, names[1], x_tick, y_tick)]
    if way:
        parts.append(svg.polyline([(area.x.at(p.x), area.y.at(p.y)) for p in points], "way"))
    if front:
        parts.append(svg.polyline(_steps([(area.x.at(p.x), area.y.at(p.y)) for p in front]), "front"))
    texts = [f"{p.name}: {x_show(p.x)}, {y_show(p.y)}" for p in points]
    parts += [
        mark(point.stage, area.x.at(point.x), area.y.at(point.y), tooltip=words)
        for point, words in zip(points, texts, strict=True)
    ]
    parts.append(_labels(area, points))
    description = f"{names[1]} against {names[0]}. {'; '.join(texts)}."
    return svg.drawing(identity, title, description, area.width, area.height, *parts)


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats: none has a smaller x with at least its y, or its x and a larger y."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -p.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def _labels(area: svg.Frame, points: Sequence[Point]) -> Html:
    """Names above or below the marks, moved away where they would touch each other."""
    marks = [(area.x.at(point.x), area.y.at(point.y)) for point in points]
    taken = [(y + 4, x - 7, x + 7) for x, y in marks]  # as if each mark were a short name
    parts = []
    for point in sorted(points, key=lambda p: p.y):
        words = svg.shorten(point.name, _NAME_CHARACTERS)
        wide = _BOLD * svg.text_width(words)
        start = min(max(area.x.at(point.x) - wide / 2, area.x.start + 2), area.width - wide - 4)
        y = area.y.at(point.y)
        tries = [y + side for step in range(6) for side in (-10.1 - step * _LINE, 18.1 + step * _LINE)]
        row = next((one for one in tries if _free(one, start, wide, taken, area)), tries[0])
        taken.append((row, start, start + wide))
        parts.append(svg.label(start, row, words, kind="strong"))
    return join(parts)


def _free(row: float, start: float, wide: float, taken: Sequence[tuple[float, ...]], area: svg.Frame) -> bool:
    """Whether a name fits there: inside of the plot, on no other name."""
    return area.y.end + 8 < row < area.y.start - 4 and all(
        abs(row - other) >= _LINE or start > right or start + wide < left for other, left, right in taken
    )


def _steps(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Along x first, then up: what can be had at each size."""
    path: list[tuple[float, float]] = []
    for x, y in corners:
        if path:
            path.append((x, path[-1][1]))
        path.append((x, y))
    return path


def mark(stage: str, x: float, y: float, size: float = 6.0, tooltip: str = "") -> Html:
    """A circle, diamond or square centred at (x, y)."""
    inside = tag("title", tooltip) if tooltip else None
    style = f"{stage} halo"
    if stage == "baseline":
        return tag("circle", inside, cx=float(x), cy=float(y), r=size, class_=style)
    if stage == "pruned":
        far = size * 1.25
        path = f"M{x:.1f} {y - far:.1f}l{far:.1f} {far:.1f}l-{far:.1f} {far:.1f}l-{far:.1f} -{far:.1f}z"
        return tag("path", inside, d=path, class_=style)
    side = 2 * size
    return tag("rect", inside, x=float(x - size), y=float(y - size), width=side, height=side, class_=style)


def legend(*stages: str) -> Html:
    """What the marks mean."""
    items = []
    for stage in stages:
        shape = mark(stage, 7, 7, 5.0)
        sample = tag("svg", shape, viewBox="0 0 14 14", width=14, height=14, aria_hidden="true")
        items.append(tag("li", sample, STAGE_NAMES[stage]))
    return tag("ul", join(items), class_="legend")
