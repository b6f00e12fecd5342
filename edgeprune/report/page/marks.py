"""One shape and one colour for each stage, so that neither alone has to be told apart."""

from __future__ import annotations

from edgeprune.report.page.html import Html, join, tag

STAGE_NAMES = {"baseline": "baseline", "pruned": "pruned (float)", "deployed": "deployed"}


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
