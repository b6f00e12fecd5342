"""The final table: original, pruned and deployed beside each other."""

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

from edgeprune.metrics import METRICS
from edgeprune.quantities import show_duration
from edgeprune.report.figures import quality_change, quality_name, quality_show
from edgeprune.report.schema import Report, StageReport

_COLUMN = "r2_per_column"
_LOST = 0.005
"""Of R²; less need not be shown beside the mean of all columns."""
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

    def quality(metric: str) -> tuple[str, ...]:
        change = functools.partial(quality_change, metric, error=error_of(report, metric))
        label, show = quality_name(metric), quality_show(metric)
        return row(label, lambda stage: stage.metrics.get(metric), show, change)

    return [
        *map(quality, main_figures(report)),
        row("neurons", lambda stage: stage.neurons, "{:,.0f}".format, _percent_change),
        row("parameters", lambda stage: stage.params, "{:,.0f}".format, _percent_change),
        row("MACs", lambda stage: stage.macs, "{:,.0f}".format, _percent_change),
        row("file size", lambda stage: stage.tflite_bytes, lambda value: f"{value / 1000:,.1f} kB",
            functools.partial(times, "smaller", "larger")),
        row("latency p50", lambda stage: stage.p50_ms, show_duration,
            functools.partial(times, "faster", "slower")),
    ]


def main_figures(report: Report) -> Sequence[str]:
    """The first figure of each output, and the column of values that lost most, if one lost anything."""
    before, after = report.stages.baseline.metrics, report.stages.deployed.metrics
    first: dict[str, str] = {}
    for name in before:
        output = name.partition("/")[0]
        first.setdefault("" if output in METRICS else output, name)
    columns = {name: before[name] - after[name] for name in before if _COLUMN in name and name in after}
    worst = max(columns, key=columns.__getitem__, default="")
    return [*first.values(), *([worst] if worst and columns[worst] > _LOST else [])]


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
