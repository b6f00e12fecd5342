"""`report.json`: what was asked, what came out, stage by stage. A figure not measured is absent."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.run_record import RunRecord

SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Stage:
    """One state of the model on its way to the device.

    Attributes:
        neurons: prunable neurons.
        params: weights.
        macs: multiply-accumulates of one inference.
        tflite_bytes: size of this stage's `.tflite`.
        metrics: on the test split, fractions.
        record: of the run on this machine as a device.
    """

    neurons: int
    params: int
    macs: int
    tflite_bytes: int
    metrics: Mapping[str, float]
    record: RunRecord | None = None


def stage_json(stage: Stage) -> dict[str, Any]:
    """One entry of ``stages``."""
    found: dict[str, Any] = {
        "neurons": stage.neurons, "params": stage.params, "macs": stage.macs,
        "tflite_bytes": stage.tflite_bytes, "metrics": dict(stage.metrics),
    }
    if stage.record is not None:
        latency = stage.record.latency
        found["latency_ms"] = {"p50": latency.p50_ms, "p90": latency.p90_ms, "p99": latency.p99_ms}
        if stage.record.memory.peak_bytes is not None:
            found["peak_memory_bytes"] = stage.record.memory.peak_bytes
        if stage.record.metrics:  # what a later check can measure again
            found["on_eval"] = {"samples": stage.record.samples, "metrics": dict(stage.record.metrics)}
        if stage.record.unstable:
            found["unstable"] = list(stage.record.unstable)
    return found


def table_rows(report: Mapping[str, Any]) -> Sequence[tuple[str, ...]]:
    """The final table, one row for each figure: name, baseline, pruned, deployed, change.

    Args:
        report: a report.json, read.
    """
    stages = report["stages"]
    metric = next(iter(stages["baseline"]["metrics"]), None)
    rows = []
    if metric is not None:
        rows.append(_row(metric, stages, ("metrics", metric), _percent, _points))
    for name, label in (("neurons", "neurons"), ("params", "parameters"), ("macs", "MACs")):
        rows.append(_row(label, stages, (name,), _count, _share))
    rows.append(_row("file size", stages, ("tflite_bytes",), _bytes, _times))
    rows.append(_row("latency p50", stages, ("latency_ms", "p50"), _milliseconds, _times))
    return rows


def _row(label: str, stages: Any, keys: tuple[str, ...], show: Any, compare: Any) -> tuple[str, ...]:
    values = []
    for name in ("baseline", "pruned", "deployed"):
        value = stages[name]
        for key in keys:
            value = None if value is None else value.get(key)
        values.append(value)
    first, last = values[0], values[-1]
    change = "" if first is None or last is None else compare(first, last)
    return (label, *("" if value is None else show(value) for value in values), change)


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _points(before: float, after: float) -> str:
    return f"{100 * (after - before):+.2f} points"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _share(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.1f} %" if before else ""


def _bytes(value: float) -> str:
    return f"{value / 1000:,.1f} kB"


def _milliseconds(value: float) -> str:
    return f"{value:.3f} ms"


def _times(before: float, after: float) -> str:
    return f"{before / after:.1f}x less" if after and after < before else f"{after / before:.1f}x"
