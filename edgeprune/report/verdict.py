"""The first sentence of a summary: what was gained, what it cost, and how sure that is."""

from collections.abc import Iterator

from edgeprune.report.figures import higher_is_better, quality_change, quality_show
from edgeprune.report.schema import Report
from edgeprune.report.table import error_of, main_figures, times


def verdict(report: Report) -> str:
    """As "6.5x faster and 9.0x smaller. Accuracy 97.5 % -> 97.1 % (-0.4 ± 0.6 points): no clear change."."""
    return " ".join([f"{_gains(report)}.", *_costs(report)])


def _gains(report: Report) -> str:
    before, after = report.stages.baseline, report.stages.deployed
    found = []
    if before.p50_ms is not None and after.p50_ms is not None:
        found.append(times("faster", "slower", before.p50_ms, after.p50_ms, equal="as fast as before"))
    sizes = before.tflite_bytes, after.tflite_bytes
    found.append(times("smaller", "larger", *sizes, equal="as large as before"))
    return " and ".join(found).capitalize()


def _costs(report: Report) -> Iterator[str]:
    before, after = report.stages.baseline.metrics, report.stages.deployed.metrics
    for name in main_figures(report):
        if name not in after:
            continue
        show, error = quality_show(name), error_of(report, name)
        change = quality_change(name, before[name], after[name], error)
        words = name.replace("_", " ")
        yield (
            f"{words[0].upper()}{words[1:]} {show(before[name])} -> {show(after[name])} "
            f"({change}){_meaning(name, after[name] - before[name], error)}."
        )


def _meaning(name: str, change: float, error: float | None) -> str:
    """Two standard errors are about a 95 % interval."""
    if error is None:
        return ""
    if abs(change) <= 2 * error:
        return ": no clear change"
    better = (change > 0) == higher_is_better(name)
    return ": a clear gain" if better else ": a clear loss"
