"""Which figures of a report cannot be, so that no limit holds because of them."""

from collections.abc import Iterator, Mapping, Sequence

from edgeprune.report.schema import LatencyReport, StageReport
from edgeprune.tasks.figure_names import metric_of


def stage_problems(stage: StageReport, named: Sequence[str]) -> Iterator[str]:
    """What is impossible in one stage; `named` are the manifest's metrics, a user's own among them."""
    counts = {"neurons": stage.neurons, "params": stage.params, "macs": stage.macs}
    yield from (f"{name} = {value}" for name, value in counts.items() if value < 0)
    if stage.tflite_bytes < 1:
        yield f"a file of {stage.tflite_bytes} bytes"
    yield from metric_problems(stage.metrics, named)
    found = stage.latency_ms or LatencyReport()
    latencies = [value for value in (found.p50, found.p90, found.p99) if value is not None]
    if not all(value > 0 for value in latencies) or latencies != sorted(latencies):
        yield f"latencies {latencies} do not rise from p50 to p99"
    if stage.peak_memory_bytes is not None and stage.peak_memory_bytes < stage.tflite_bytes:
        yield f"a peak memory of {stage.peak_memory_bytes} bytes, below the file's own size"


def metric_problems(metrics: Mapping[str, float], named: Sequence[str]) -> Iterator[str]:
    """Metrics that nobody named, or with values outside of their range."""
    for name, value in metrics.items():
        metric = metric_of(name)
        if metric is None:
            if not any(name == one or name.startswith(f"{one}/") for one in named):
                yield f"the metric {name[:60]!r} is not known"
        elif not metric.possible(value):
            yield f"{name} = {value}"
