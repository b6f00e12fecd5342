"""Several bundles side by side, and which of those of the same data no other beats."""

from collections.abc import Sequence

from edgeprune.quantities import show_duration, show_size
from edgeprune.report.figures import capitalized, quality_name, quality_show
from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.scatter import Point, pareto_front
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import figure
from edgeprune.report.page.trade import COSTS, CostAxis, point_of, trade_plot
from edgeprune.report.table import optional


def comparison(subjects: Sequence[Subject]) -> Html:
    """A table of all, and the Pareto fronts of quality against each cost, of those that can be compared.

    Figures of other data, or of another metric, lie on no common front.
    """
    groups: dict[tuple[str | int | None, ...], list[Subject]] = {}
    for subject in subjects:
        groups.setdefault(_measured_on(subject), []).append(subject)
    parts: list[Html | None] = [_table(subjects)]
    if len(groups) > 1:
        parts.append(tag("p", (
            "The bundles were measured on different data or by different metrics, so their quality cannot be "
            "compared. Only bundles of the same data share a plot."
        ), class_="note"))
    for number, (_, group) in enumerate(groups.items()):
        parts.append(_fronts(f"all{number}", group, named=len(groups) > 1))
    return join(parts)


def _measured_on(subject: Subject) -> tuple[str | int | None, ...]:
    data = subject.report.data
    return (subject.metric, data.name, data.source, data.test)


def _fronts(identity: str, group: Sequence[Subject], *, named: bool) -> Html | None:
    metric, data = group[0].metric, group[0].report.data
    plots = [_plot(f"{identity}-{key}", group, metric, COSTS[key]) for key in COSTS] if metric else []
    if metric is None or not any(plots) or (named and len(group) == 1):
        return None
    samples = "" if data.test is None else f" ({data.test:,} test samples)"
    title = f"{quality_name(metric)} on {data.name or 'unnamed data'}{samples}"
    heading = tag("h3", capitalized(title)) if named else None
    best = "Squares are the bundles, circles their originals. The line joins the bundles that none beats."
    return join((heading, tag("p", best), tag("div", join(plots), class_="plots")))


def _plot(identity: str, subjects: Sequence[Subject], metric: str, axis: CostAxis) -> Html | None:
    quality, words = quality_show(metric), quality_name(metric)
    points = _points(subjects, axis)
    deployed = [point for point in points if point.stage == "deployed"]
    if not deployed:
        return None
    front = pareto_front(deployed)
    picture = trade_plot(identity, points, metric, axis, front=front, height=380)
    rows = [(p.name, axis.show(p.x), quality(p.y), "yes" if p in front else "no") for p in points]
    on_front = ", ".join(point.name for point in front)
    caption = f"No other bundle beats these in both {words} and {axis.name}: {on_front}."
    columns = ("bundle", axis.name, words, "on the front")
    return figure(picture, caption, table(f"{words} against {axis.name}", columns, rows))


def _points(subjects: Sequence[Subject], axis: CostAxis) -> list[Point]:
    """Deployed models, and each different baseline once."""
    points: list[Point] = []
    for stage in ("deployed", "baseline"):
        for subject in subjects:
            name = subject.name if stage == "deployed" else f"original of {subject.name}"
            point = point_of(subject, stage, axis, name)
            if point and (stage == "deployed" or not any(_same(point, other) for other in points)):
                points.append(point)
    return points


def _same(one: Point, other: Point) -> bool:
    return one.stage == other.stage and one.y == other.y and abs(one.x - other.x) <= 0.1 * other.x


def _table(subjects: Sequence[Subject]) -> Html:
    metrics = {subject.metric for subject in subjects}
    head = quality_name(subjects[0].metric) if len(metrics) == 1 and subjects[0].metric else "quality"
    rows = []
    for subject in subjects:
        figures, removed = subject.report.stages.deployed, subject.report.removed
        quality = optional(subject.value(figures), quality_show(subject.metric or ""))
        by = f" {quality_name(subject.metric)}" if len(metrics) > 1 and subject.metric else ""
        rows.append((
            subject.name, f"{quality}{by}", subject.change, show_size(figures.tflite_bytes),
            optional(figures.p50_ms, show_duration), optional(figures.peak_memory_bytes, show_size),
            f"{100 * removed.neurons:.1f} %", f"{100 * removed.macs:.1f} %",
        ))
    columns = ("bundle", head, "change", "file size", "latency", "peak memory", "neurons removed",
               "MACs removed")
    return table("The deployed models", columns, rows)
