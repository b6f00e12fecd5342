"""Which figures of a report cannot be, so that no limit holds because of them."""

from collections.abc import Iterator, Sequence

from edgeprune.budget.explain import NOUNS, Explanation
from edgeprune.report.schema import LatencyReport, Report, StageReport
from edgeprune.tasks.figure_names import impossible_figures


def stage_problems(stage: StageReport, named: Sequence[str]) -> Iterator[str]:
    """What is impossible in one stage; `named` are the manifest's metrics, a user's own among them."""
    counts = {"neurons": stage.neurons, "params": stage.params, "macs": stage.macs}
    yield from (f"{name} = {value}" for name, value in counts.items() if value < 0)
    if stage.tflite_bytes < 1:
        yield f"a file of {stage.tflite_bytes} bytes"
    yield from impossible_figures(stage.metrics, named)
    found = stage.latency_ms or LatencyReport()
    latencies = [value for value in (found.p50, found.p90, found.p99) if value is not None]
    if not all(value > 0 for value in latencies) or latencies != sorted(latencies):
        yield f"latencies {latencies} do not rise from p50 to p99"
    if stage.peak_memory_bytes is not None and stage.peak_memory_bytes < stage.tflite_bytes:
        yield f"a peak memory of {stage.peak_memory_bytes} bytes, below the file's own size"


def report_problems(report: Report) -> Iterator[str]:
    """What is impossible in the report as a whole, whatever its manifest says."""
    for name, stage in report.stages.by_name().items():
        yield from (f"{name} has {problem}" for problem in stage_problems(stage, tuple(stage.metrics)))
    # Biases that a refit adds may outweigh what a tiny model loses.
    removed = vars(report.removed)
    yield from (f"removed.{name} is {value}" for name, value in removed.items() if abs(value) > 1)
    errors = report.change_errors or {}
    yield from (f"the error of {name} is {value}" for name, value in errors.items() if not value >= 0)
    if report.budget is not None:
        yield from (f"its budget has {problem}" for problem in budget_problems(report.budget))


def budget_problems(budget: Explanation) -> Iterator[str]:
    """What is impossible in the account of a search for widths."""
    rounds = [*budget.rounds, *([budget.deployed] if budget.deployed else [])]
    if not rounds or not budget.limits.keys() <= NOUNS.keys():
        yield f"{len(rounds)} rounds for the limits {', '.join(budget.limits)[:200]}"
    for one in rounds:
        pairs = [(one.predicted.get(name, 0.0), one.measured.get(name, 0.0)) for name in budget.limits]
        if min(map(min, pairs), default=1.0) <= 0:
            yield "a round without a positive figure for each limit"
