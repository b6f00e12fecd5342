"""The figures that limits are about, of a bundle as it was built, and of a bundle on a device.

    size      bytes of model.tflite, from the file itself
    latency   ms of one inference       memory    peak bytes of the process that runs it
    accuracy  the task's main metric    drop      points of it lost against the baseline

A drop on a device is measured on the bundle's few samples, the baseline on the whole test split. What
the device changes is therefore taken on the same samples on both sides:

    drop = baseline(test) - [deployed(test) + device(samples) - this machine(samples)]
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.metrics import METRICS
from edgeprune.metrics.evaluation import Metric
from edgeprune.quantities import show_percent
from edgeprune.report.plausible import stage_problems
from edgeprune.report.read import read_report
from edgeprune.report.schema import Report
from edgeprune.run_record import RunRecord


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure, or the reason why there is none."""

    value: float | None
    source: str = ""
    reason: str = ""
    device_failed: bool = False


Figures = dict[str, Figure]


def size_of(bundle: Bundle) -> Figure:
    """Bytes of the deployed file."""
    return Figure(float(bundle.model.stat().st_size), bundle.model.name)


def built_figures(bundle: Bundle, percentile: int) -> Figures:
    """From report.json, but the size from the file itself."""
    try:
        report = _possible_report(bundle)
    except InputError as error:
        absent = Figure(None, reason=str(error))
        return {"size": size_of(bundle), **dict.fromkeys(("latency", "memory", "accuracy", "drop"), absent)}
    deployed = report.stages.deployed
    latency = None if deployed.latency_ms is None else deployed.latency_ms.at(percentile)
    lacks = "report.json has no {}; name a --device to measure it on."
    return {
        "size": size_of(bundle),
        "latency": _measured(latency, "report.json", lacks.format(f"latency p{percentile}")),
        "memory": _measured(deployed.peak_memory_bytes, "report.json", lacks.format("peak memory")),
        "accuracy": _accuracy(bundle, deployed.metrics),
        "drop": _drop(bundle, report),
    }


def _possible_report(bundle: Bundle) -> Report:
    """The report; an `InputError` where a figure of it cannot be."""
    report = read_report(bundle)
    for name, stage in report.stages.by_name().items():
        for problem in stage_problems(stage, bundle.manifest.metrics):
            found = f"report.json cannot be right: {name} has {problem}."
            raise InputError(found, "", "Build the bundle again.")
    return report


def device_figures(bundle: Bundle, record: RunRecord, here: RunRecord | None, percentile: int) -> Figures:
    """From a device's run, and one of the same samples `here`; None when no drop is asked for."""
    latency = {50: record.latency.p50_ms, 90: record.latency.p90_ms, 99: record.latency.p99_ms}[percentile]
    lacks = "the runner gives none; use --runner python"
    return {
        "latency": _measured(latency, f"p{percentile} of {len(record.latency_ns)} runs", lacks),
        "memory": _measured(record.memory.peak_bytes, "peak of the process", lacks),
        "accuracy": _accuracy(bundle, record.metrics, record.samples),
        "drop": _drop_on_device(bundle, record, here),
    }


def main_metric(names: Sequence[str]) -> str | None:
    """The metric that accuracy limits are about: accuracy itself, or else the task's first."""
    if "accuracy" in names:
        return "accuracy"
    return names[0] if names else None


def quality_show(metric: str) -> Callable[[float], str]:
    """How values of a metric (or of ``1 - METRIC``) are written; R² is no percentage, though a fraction."""
    known = _metric(metric)
    percentage = known is None or (known.unit == "fraction" and known.name != "r2")
    return show_percent if percentage else (lambda value: f"{value:.4g}")


def quality_change(metric: str, before: float, after: float) -> str:
    """What a metric gained or lost, in points where it is a percentage."""
    if quality_show(metric) is show_percent:
        return f"{100 * (after - before):+.2f} points"
    return f"{after - before:+.4g}"


def higher_is_better(metric: str) -> bool:
    """Whether more of it is better; so for a metric that is not known."""
    known = _metric(metric)
    return known is None or known.higher_is_better


def _metric(name: str) -> Metric | None:
    return METRICS.get(name.removeprefix("1 - ").partition("/")[0])


def _measured(value: float | None, source: str, reason: str) -> Figure:
    return Figure(None, reason=reason) if value is None else Figure(float(value), source)


def _accuracy(bundle: Bundle, metrics: Mapping[str, float], samples: int | None = None) -> Figure:
    name = main_metric(bundle.manifest.metrics)
    if name is None or name not in metrics:
        what = "report.json has" if samples is None else "the bundle has samples (eval.npz) for"
        return Figure(None, reason=f"{what} no {name or 'metric'}; build with test data that has labels.")
    if name in METRICS and not METRICS[name].higher_is_better:
        return Figure(None, reason=f"the model is measured by {name}, where lower is better; use --max-drop.")
    where = "report.json" if samples is None else f"{samples} samples"
    where += ", synthetic data" if bundle.manifest.synthetic else ""
    return Figure(metrics[name], where if name == "accuracy" else f"{name}, {where}")


def _drop(bundle: Bundle, report: Report) -> Figure:
    name = main_metric(bundle.manifest.metrics)
    before, after = report.stages.baseline.metrics, report.stages.deployed.metrics
    if name is None or name not in before or name not in after:
        return Figure(None, reason=f"report.json has no {name or 'metric'} of both baseline and deployed.")
    if name in METRICS and METRICS[name].unit != "fraction":
        return Figure(None, reason=f"the model is measured by {name}, which has no percentage points.")
    return Figure(100 * _worse_by(name, before[name], after[name]), f"{name} against the baseline")


def _drop_on_device(bundle: Bundle, record: RunRecord, here: RunRecord | None) -> Figure:
    name = main_metric(bundle.manifest.metrics)
    if here is None or name is None or name not in record.metrics or name not in here.metrics:
        return Figure(None, reason="the bundle has no samples (eval.npz) to compare the device by.")
    if record.samples != here.samples:
        return Figure(None, reason=f"{record.samples} of {here.samples} samples were evaluated; "
                                   "raise --time-limit.")
    try:
        built = _drop(bundle, _possible_report(bundle))
    except InputError as error:
        return Figure(None, reason=str(error))
    if built.value is None:
        return built
    moved = _worse_by(name, here.metrics[name], record.metrics[name])
    return Figure(built.value + 100 * moved, f"{name} against the baseline, {record.samples} samples")


def _worse_by(name: str, before: float, after: float) -> float:
    return before - after if higher_is_better(name) else after - before
