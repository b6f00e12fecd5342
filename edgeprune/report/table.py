"""The final table: original, pruned and deployed beside each other."""

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

from edgeprune.metrics import METRICS
from edgeprune.quantities import show_duration
from edgeprune.report.figures import quality_change, quality_name, quality_show
from edgeprune.report.schema import Report, StageReport
from edgeprune.tasks import metric_of

_COLUMN = "r2_per_column"
_LOST = 0.005
"""Of R²; less need not be shown beside the mean of all columns."""
_MORE = 0.005
"""What another metric must have lost beyond the main one to be shown beside it; a fraction."""
COLUMNS = ("", "original", "pruned", "deployed", "change")
_T = TypeVar("_T")


def table_rows(report: Report) -> Sequence[tuple[str, ...]]:
    """The cells of `COLUMNS`, one row for each figure."""
    stages = list(report.stages.by_name().values())
    def row(
        label: str, read: Callable[[StageReport], float | None], show: Callable[[float], str],
        compare: Callable[[float, float], str],
    ) -> tuple[str, ...]:
        values = [read(stage) for stage in stages]
        first, last = values[0], values[-1]
        change = "" if first is None or last is None else compare(first, last)
        return (label, *(optional(value, show) for value in values), change)

    return [
        *(_quality(report, name) for name in main_figures(report)),
        row("neurons", lambda stage: stage.neurons, "{:,.0f}".format, _percent_change),
        row("parameters", lambda stage: stage.params, "{:,.0f}".format, _percent_change),
        row("MACs", lambda stage: stage.macs, "{:,.0f}".format, _percent_change),
        row("file size", lambda stage: stage.tflite_bytes, lambda value: f"{value / 1000:,.1f} kB",
            functools.partial(times, "smaller", "larger")),
        row("latency p50", lambda stage: stage.p50_ms, show_duration,
            functools.partial(times, "faster", "slower")),
    ]


def metric_rows(report: Report) -> Sequence[tuple[str, ...]]:
    """The cells of `COLUMNS` for every metric, those of single classes and columns among them."""
    return [_quality(report, name) for name in report.stages.baseline.metrics]


def _quality(report: Report, metric: str) -> tuple[str, ...]:
    show = quality_show(metric)
    values = [stage.metrics.get(metric) for stage in report.stages.by_name().values()]
    before, after = values[0], values[-1]
    change = "" if before is None or after is None else quality_change(
        metric, before, after, error_of(report, metric)
    )
    return (quality_name(metric), *(optional(value, show) for value in values), change)


def main_figures(report: Report) -> Sequence[str]:
    """The first figure of each output, and what lost clearly more than these.

    That is the percentage that lost most among the other metrics of the outputs, and the column of values
    that did, if one lost anything.
    """
    before, after = report.stages.baseline.metrics, report.stages.deployed.metrics
    first: dict[str, str] = {}
    for name in before:
        output = name.partition("/")[0]
        first.setdefault("" if output in METRICS else output, name)
    columns = {name: before[name] - after[name] for name in before if _COLUMN in name and name in after}
    worst = max(columns, key=columns.__getitem__, default="")
    found = [*first.values(), *([worst] if worst and columns[worst] > _LOST else [])]
    lost = {name: _points_lost(report, name) for name in before if name in after and name not in columns}
    most = max(lost, key=lost.__getitem__, default="")
    main = max((lost[name] for name in first.values() if name in lost), default=0.0)
    return [*found, *([most] if most and lost[most] > max(main, 0.0) + _MORE else [])]


def _points_lost(report: Report, name: str) -> float:
    """As a fraction, of metrics of all classes; nothing for others."""
    known = metric_of(name)
    before, after = report.stages.baseline.metrics[name], report.stages.deployed.metrics[name]
    if known is None or known.unit != "fraction" or not name.endswith(known.name):
        return 0.0
    return before - after if known.higher_is_better else after - before


def error_of(report: Report, metric: str) -> float | None:
    """Standard error of what the metric gained; None where it is not known."""
    return (report.change_errors or {}).get(metric)


def optional(value: _T | None, show: Callable[[_T], str]) -> str:
    """Empty for what was not measured."""
    return "" if value is None else show(value)


def _percent_change(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.1f} %" if before else ""


def times(less: str, more: str, before: float, after: float, equal: str = "1.0x") -> str:
    """How often one cost fits into the other, with the word for a lower or a higher one."""
    if min(before, after) <= 0 or f"{max(before, after) / min(before, after):.1f}" == "1.0":
        return equal
    return f"{before / after:.1f}x {less}" if after < before else f"{after / before:.1f}x {more}"
