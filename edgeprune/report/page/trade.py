"""Quality against a cost: how both are written, and the plot of one against the other."""

import dataclasses
from collections.abc import Callable, Sequence

from edgeprune.quantities import show_duration, show_percent, show_size
from edgeprune.report.figures import quality_name, quality_show
from edgeprune.report.page.scatter import Point, scatter
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import Drawing, Show, duration_tick, percent_tick, size_tick
from edgeprune.report.schema import StageReport


@dataclasses.dataclass(frozen=True)
class CostAxis:
    """What a model costs: read from a stage, and written exactly (`show`) and along an axis (`tick`)."""

    name: str
    read: Callable[[StageReport], float | None]
    show: Show
    tick: Show


COSTS = {
    "size": CostAxis("file size", lambda stage: stage.tflite_bytes, show_size, size_tick),
    "latency": CostAxis("latency, median", lambda stage: stage.p50_ms, show_duration, duration_tick),
    "memory": CostAxis("peak memory", lambda stage: stage.peak_memory_bytes, show_size, size_tick),
}


def trade_plot(
    identity: str, points: Sequence[Point], metric: str, axis: CostAxis, *, way: bool = False,
    front: Sequence[Point] = (), height: float = 300,
) -> Drawing:
    """Points whose y is a metric (or ``1 - METRIC``) and whose x is a cost; see `scatter`."""
    show, name = quality_show(metric), quality_name(metric)
    return scatter(
        identity, f"{name} against {axis.name}", points, (axis.name, name), (axis.show, show),
        x_tick=axis.tick, y_tick=percent_tick if show is show_percent else show,
        way=way, front=front, height=height,
    )


def point_of(subject: Subject, stage: str, axis: CostAxis, name: str) -> Point | None:
    """A stage's quality against its cost; None where one of them was not measured."""
    figures = subject.report.stages.by_name()[stage]
    x, y = axis.read(figures), subject.value(figures)
    return None if x is None or y is None else Point(name, stage, float(x), float(y))
