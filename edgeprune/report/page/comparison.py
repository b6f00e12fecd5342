"""Several bundles side by side, and which of them no other beats."""

from collections.abc import Sequence

from edgeprune.errors import InputError
from edgeprune.quantities import show_duration, show_size
from edgeprune.report.figures import quality_show
from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.scatter import Point, pareto_front
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import figure
from edgeprune.report.page.trade import COSTS, CostAxis, point_of, trade_plot
from edgeprune.report.table import optional


def comparison(subjects: Sequence[Subject]) -> Html:
    """A table of all, and the Pareto fronts of quality against each cost; the metric must be the same."""
    names = {subject.metric for subject in subjects}
    if len(names) > 1:
        found = ", ".join(f"{subject.name}: {subject.metric}" for subject in subjects)
        raise InputError(
            f"The bundles are measured by different metrics ({found}).", "One metric for all was expected.",
            "Make a report of each.",
        )
    metric = names.pop()
    plots = [_plot(subjects, metric, key) for key in COSTS] if metric else []
    best = "Squares are the bundles, circles their baselines; the line joins those that no other beats."
    return join((
        _table(subjects, metric), tag("p", best) if any(plots) else None,
        tag("div", join(plots), class_="plots"),
    ))


def _plot(subjects: Sequence[Subject], metric: str, key: str) -> Html | None:
    axis, quality = COSTS[key], quality_show(metric)
    points = _points(subjects, axis)
    deployed = [point for point in points if point.stage == "deployed"]
    if not deployed:
        return None
    front = pareto_front(deployed)
    picture = trade_plot(f"all-{key}", points, metric, axis, front=front, height=380)
    rows = [(p.name, axis.show(p.x), quality(p.y), "yes" if p in front else "no") for p in points]
    on_front = ", ".join(point.name for point in front)
    return figure(picture, f"Not beaten in {metric} and {axis.name}: {on_front}.", table(
        f"{metric} against {axis.name}", ("bundle", axis.name, metric, "on the front"), rows
    ))


def _points(subjects: Sequence[Subject], axis: CostAxis) -> list[Point]:
    """Deployed models, and each different baseline once."""
    points: list[Point] = []
    for stage in ("deployed", "baseline"):
        for subject in subjects:
            name = subject.name if stage == "deployed" else f"baseline of {subject.name}"
            point = point_of(subject, stage, axis, name)
            if point and (stage == "deployed" or not any(_same(point, other) for other in points)):
                points.append(point)
    return points


def _same(one: Point, other: Point) -> bool:
    return one.stage == other.stage and one.y == other.y and abs(one.x - other.x) <= 0.1 * other.x


def _table(subjects: Sequence[Subject], metric: str | None) -> Html:
    quality = quality_show(metric or "")
    rows = []
    for subject in subjects:
        figures, removed = subject.report.stages.deployed, subject.report.removed
        rows.append((
            subject.name, optional(subject.value(figures), quality), subject.change,
            show_size(figures.tflite_bytes), optional(figures.p50_ms, show_duration),
            optional(figures.peak_memory_bytes, show_size), f"{100 * removed.neurons:.1f} %",
            f"{100 * removed.macs:.1f} %",
        ))
    columns = ("bundle", metric or "quality", "change", "file size", "latency", "peak memory",
               "neurons removed", "MACs removed")
    return table("The deployed models", columns, rows)
