"""The first sentence of a summary: what was gained, what it cost, and how sure that is."""

import dataclasses
from collections.abc import Iterator, Sequence

from edgeprune.report.figures import (
    capitalized,
    higher_is_better,
    quality_change,
    quality_name,
    quality_show,
)
from edgeprune.report.schema import Report
from edgeprune.report.table import error_of, main_figures, times


@dataclasses.dataclass(frozen=True)
class LimitVerdict:
    """Whether a limit holds; a figure that is not there holds no limit."""

    limit: str  # as on `edgeprune check`'s command line, such as max-size
    held: bool
    sentence: str


def verdict(report: Report, limits: Sequence[LimitVerdict] = ()) -> str:
    """As "6.5x faster and 9.0x smaller. Accuracy 97.5 % -> 97.1 % (-0.4 ± 0.6 points): no clear change."."""
    return " ".join([f"{_gains(report)}.", *_costs(report), *_limits(limits)])


def _gains(report: Report) -> str:
    before, after = report.stages.baseline, report.stages.deployed
    found = []
    if before.p50_ms is not None and after.p50_ms is not None:
        speed = times("faster", "slower", before.p50_ms, after.p50_ms, equal="as fast as before")
        found.append(f"{speed} (in doubt)" if before.unstable or after.unstable else speed)
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
        words = quality_name(name)
        yield (
            f"{capitalized(words)} {show(before[name])} -> {show(after[name])} "
            f"({change}){_meaning(name, after[name] - before[name], error)}."
        )


def _limits(limits: Sequence[LimitVerdict]) -> Iterator[str]:
    broken = [one.limit for one in limits if not one.held]
    if len(limits) == 1:
        yield f"The limit {limits[0].limit} is {'broken' if broken else 'met'}."
    elif broken:
        yield f"{len(broken)} of {len(limits)} limits {'is' if len(broken) == 1 else 'are'} broken."
    elif limits:
        yield f"All {len(limits)} limits are met."


def _meaning(name: str, change: float, error: float | None) -> str:
    """Two standard errors are about a 95 % interval."""
    if error is None:
        return ""
    if abs(change) <= 2 * error:
        return ": no clear change"
    better = (change > 0) == higher_is_better(name)
    return ": a clear gain" if better else ": a clear loss"
