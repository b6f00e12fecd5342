"""A curve over epochs."""

import dataclasses
from collections.abc import Sequence

from edgeprune.report.page.html import tag
from edgeprune.report.page.svg import Drawing, axes, drawing, frame, polyline


def curve(identity: str, title: str, points: Sequence[tuple[int, float]], y_name: str, kind: str) -> Drawing:
    """Of points (epoch, value), at least one; `kind` is the colour."""
    epochs, values = [epoch for epoch, _ in points], [value for _, value in points]
    margin = (max(values) - min(values)) * 0.1 or abs(values[0]) * 0.1 or 0.1
    area = frame((min(epochs), max(epochs)), (min(values) - margin, max(values) + margin), height=240)
    corners = [(area.x.at(epoch), area.y.at(value)) for epoch, value in points]
    dots = [
        tag("circle", tag("title", f"epoch {epoch}: {value:.5g}"), cx=x, cy=y, r=3.5, class_=f"{kind} halo")
        for (epoch, value), (x, y) in zip(points, corners, strict=True)
    ]
    shown = dataclasses.replace(area, x_ticks=[value for value in area.x_ticks if value == int(value)])
    listed = "; ".join(f"epoch {epoch}: {value:.4g}" for epoch, value in points[:60])
    return drawing(
        identity, title, f"{y_name} by epoch. {listed}.", area.width, area.height,
        axes(shown, "epoch", y_name, lambda value: f"{value:.0f}", lambda value: f"{value:.4g}"),
        polyline(corners, kind), *dots,
    )
