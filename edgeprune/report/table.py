"""The final table: baseline, pruned and deployed beside each other."""

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

from edgeprune.quantities import show_duration
from edgeprune.report.figures import quality_change, quality_show
from edgeprune.report.schema import Report, StageReport

COLUMNS = ("", "baseline", "pruned", "deployed", "change")
_T = TypeVar("_T")


def table_rows(report: Report) -> Sequence[tuple[str, ...]]:
    """The cells of `COLUMNS`, one row for each figure."""
    stages = list(report.stages.by_name().values())
    metric = next(iter(report.stages.baseline.metrics), "")

    def row(
        label: str, read: Callable[[StageReport], float | None], show: Callable[[float], str],
        compare: Callable[[float, float], str],
    ) -> tuple[str, ...]:
        values = [read(stage) for stage in stages]
        first, last = values[0], values[-1]
        change = "" if first is None or last is None else compare(first, last)
        return (label, *(optional(value, show) for value in values), change)

    change = functools.partial(quality_change, metric)
    quality = row(metric, lambda stage: stage.metrics.get(metric), quality_show(metric), change)
    return [
        *([quality] if metric else []),
        row("neurons", lambda stage: stage.neurons, "{:,.0f}".format, _percent_change),
        row("parameters", lambda stage: stage.params, "{:,.0f}".format, _percent_change),
        row("MACs", lambda stage: stage.macs, "{:,.0f}".format, _percent_change),
        row("file size", lambda stage: stage.tflite_bytes, lambda value: f"{value / 1000:,.1f} kB",
            functools.partial(_times, "smaller", "larger")),
        row("latency p50", lambda stage: stage.p50_ms, show_duration,
            functools.partial(_times, "faster", "slower")),
    ]


def optional(value: _T | None, show: Callable[[_T], str]) -> str:
    """Empty for what was not measured."""
    return "" if value is None else show(value)


def _percent_change(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.1f} %" if before else ""


def _times(less: str, more: str, before: float, after: float) -> str:
    """How often one cost fits into the other, with the word for a lower or a higher one."""
    if 0 < after < before:
        return f"{before / after:.1f}x {less}"
    return f"{after / before:.1f}x {more}" if after > before else "1.0x"
