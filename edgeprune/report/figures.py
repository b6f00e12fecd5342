"""The figures that limits are about, of a bundle as it was built, and of a bundle on a device.

    size      bytes of model.tflite, from the file itself
    latency   ms of one inference       memory    peak bytes of the process that runs it
    accuracy  the task's main metric    drop      points of it lost against the original

A drop on a device is measured on the bundle's few samples, the baseline on the whole test split. What
the device changes is therefore taken on the same samples on both sides:

    drop = baseline(test) - [deployed(test) + device(samples) - this machine(samples)]
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Metric
from edgeprune.quantities import show_percent
from edgeprune.report.plausible import stage_problems
from edgeprune.report.read import read_report
from edgeprune.report.schema import Report
from edgeprune.run_record import RunRecord
from edgeprune.tasks import judged_metrics, less_is_better, metric_of


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure, or the reason why there is none."""

    value: float | None
    source: str = ""
    reason: str = ""
    device_failed: bool = False


Figures = dict[str, Figure]
_COLUMN = "r2_per_column"
_R2 = ("r2", _COLUMN)
_SYMBOLS = {"r2": "R²", "iou": "IoU", "f1": "F1", "auc": "AUC", "oks": "OKS", "pck": "PCK", "psnr": "PSNR",
            "ssim": "SSIM", "eer": "EER", "roc": "ROC", "map": "mAP", "ap": "AP"}
_NAMES = {"map_50": "mAP@0.5", "map_50_95": "mAP@[.5:.95]", "ap_50_per_class": "AP@0.5 per class",
          "f1_macro": "macro F1", "recall_at_1": "recall@1", "recall_at_5": "recall@5"}
"""Metrics that the field writes in its own way."""
_MOST_DIGITS = 12


def size_of(bundle: Bundle) -> Figure:
    """Bytes of the deployed file."""
    return Figure(float(bundle.model.stat().st_size), bundle.model.name)


def built_figures(bundle: Bundle, percentile: int) -> Figures:
    """From report.json, but the size from the file itself."""
    try:
        report = _possible_report(bundle)
    except InputError as error:
        absent = Figure(None, reason=str(error))
        names = ("latency", "memory", "accuracy", "drop", "energy")
        return {"size": size_of(bundle), **dict.fromkeys(names, absent)}
    deployed = report.stages.deployed
    latency = None if deployed.latency_ms is None else deployed.latency_ms.at(percentile)
    lacks = "report.json has no {}; name a --device to measure it on."
    return {
        "size": size_of(bundle),
        "latency": _measured(latency, "report.json", lacks.format(f"latency p{percentile}")),
        "memory": _measured(deployed.peak_memory_bytes, "report.json", lacks.format("peak memory")),
        "accuracy": _accuracy(bundle, deployed.metrics),
        "drop": _drop(bundle, report),
        "energy": Figure(None, reason="it is measured on a device; name it with --device"),
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
        "energy": _energy(record),
    }


def _energy(record: RunRecord) -> Figure:
    found = record.energy
    if found is None or found.per_inference_mj is None:
        return Figure(None, reason=found.reason if found and found.reason else "it was not measured")
    return _measured(found.per_inference_mj, f"informative, by {found.method}", "")


def main_metric(names: Sequence[str]) -> str | None:
    """The metric that accuracy limits are about: accuracy itself, or else the task's first."""
    if "accuracy" in names:
        return "accuracy"
    return names[0] if names else None


def quality_show(metric: str) -> Callable[[float], str]:
    """How values of a metric (or of ``1 - METRIC``) are written; R² is no percentage, though a fraction."""
    known = _metric(metric)
    if known is not None and known.name in _R2:
        return "{:.3f}".format
    percentage = known is not None and known.unit == "fraction"
    return show_percent if percentage else "{:.4g}".format


def quality_name(metric: str) -> str:
    """A metric's name for people: "R²", "box mean absolute error", "mAP@0.5", "F1 of cat"."""
    own, _, column = metric.partition(f"{_COLUMN}/")
    if column:
        column = f"column {column}" if column.isdecimal() else column
        return f"{own.replace('/', ' ')}R² of {column}"
    if metric_of(metric) is None:
        return metric  # a user's own
    before, known, after = _around(metric)
    words = _NAMES.get(known) or " ".join(_SYMBOLS.get(word, word) for word in known.split("_"))
    if after:
        words, _, kind = words.partition(" per ")
        words = f"{words} of {kind} {after}" if after.isdecimal() else f"{words} of {after}"
    return f"{before} {words}".strip()


def capitalized(words: str) -> str:
    """With a capital at the start of a sentence, where the word is not written with one inside: "mAP"."""
    return words if any(map(str.isupper, words.partition(" ")[0])) else words[:1].upper() + words[1:]


def _around(metric: str) -> tuple[str, str, str]:
    """Output, name and class of ``cls/f1_per_class/cat``."""
    parts = metric.split("/")
    place = 0 if metric_of(parts[0]) is not None else 1
    return "/".join(parts[:place]), parts[place], "/".join(parts[place + 1:])


def quality_change(metric: str, before: float, after: float, error: float | None = None) -> str:
    """What a metric gained or lost, in points where it is a percentage.

    Args:
        error: standard error of the change; twice as much is shown, which is about a 95 % interval.
    """
    if quality_show(metric) is show_percent:
        spread = "" if error is None else f" ± {200 * error:.2f}"
        return f"{100 * (after - before):+.2f}{spread} points"
    change = after - before
    if error is None or not error > 0:
        return f"{change:+.3g}"
    digits = min(max(1 - math.floor(math.log10(2 * error)), 0), _MOST_DIGITS)  # two that count of the error
    return f"{change:+,.{digits}f} ± {2 * error:,.{digits}f}"


def higher_is_better(metric: str) -> bool:
    """Whether more of it is better; the name of a user's own metric says it."""
    known = _metric(metric)
    return not less_is_better(metric) if known is None else known.higher_is_better


def _metric(name: str) -> Metric | None:
    return metric_of(name.removeprefix("1 - "))


def _measured(value: float | None, source: str, reason: str) -> Figure:
    return Figure(None, reason=reason) if value is None else Figure(float(value), source)


def deciding(bundle: Bundle) -> tuple[str, ...]:
    """Names of the figures that decide what "kept" means: the main metric of each output."""
    tasks, named = bundle.manifest.tasks, bundle.manifest.metrics
    if named and metric_of(named[0]) is None:
        return (named[0],)  # a user's own metric decides alone
    if len(tasks) < 2:
        name = main_metric(bundle.manifest.metrics)
        return () if name is None else (name,)
    pairs = [(task, main_metric(task.metrics)) for task in tasks]
    return tuple(f"{task.name}/{name}" for task, name in pairs if name is not None)


def _judged(bundle: Bundle) -> tuple[str, ...]:
    """Names of the figures that must not fall: those that decide, and what else an output is judged by."""
    tasks, first = bundle.manifest.tasks, deciding(bundle)
    if first and metric_of(first[0]) is None:
        return first
    others = ((task, name) for task in tasks for name in judged_metrics(task)[1:])
    return (*first, *(name if len(tasks) == 1 else f"{task.name}/{name}" for task, name in others))


def _accuracy(bundle: Bundle, metrics: Mapping[str, float], samples: int | None = None) -> Figure:
    """The main metric; of several outputs, the lowest one that is a fraction."""
    names = deciding(bundle)
    missing = [name for name in names if name not in metrics]
    if not names or missing:
        what = "report.json has" if samples is None else "the bundle has samples (eval.npz) for"
        absent = missing[0] if missing else "metric"
        return Figure(None, reason=f"{what} no {absent}; build with test data that has labels.")
    fractions = [name for name in names if higher_is_better(name) and _is_fraction(name)]
    if not fractions:
        return Figure(
            None, reason=f"the model is measured by {names[0]}, where lower is better; use --max-drop."
        )
    name = min(fractions, key=metrics.__getitem__)
    where = "report.json" if samples is None else f"{samples} samples"
    where += ", synthetic data" if bundle.manifest.synthetic else ""
    return Figure(metrics[name], where if name == "accuracy" else f"{name}, {where}")


def _drop(bundle: Bundle, report: Report) -> Figure:
    """What the output, or the column of values, that lost most has lost."""
    drops = _drops(bundle, report)
    if isinstance(drops, str):
        return Figure(None, reason=drops)
    name = max(drops, key=drops.__getitem__)
    return Figure(100 * drops[name], f"{name} against the original")


def _drops(bundle: Bundle, report: Report) -> dict[str, float] | str:
    """What each deciding figure lost, as a fraction; or why that is not known."""
    names = _judged(bundle)
    before, after = report.stages.baseline.metrics, report.stages.deployed.metrics
    missing = [name for name in names if name not in before or name not in after]
    if not names or missing:
        absent = missing[0] if missing else "metric"
        return f"report.json does not have {absent} of both the original and the deployed model."
    fractions = [name for name in names if _is_fraction(name)]
    if not fractions:
        return f"the model is measured by {names[0]}, which has no percentage points."
    own = metric_of(names[0]) is None
    columns = [name for name in before if _COLUMN in name.split("/") and name in after and not own]
    return {name: _worse_by(name, before[name], after[name]) for name in (*fractions, *columns)}


def figure_names(bundle: Bundle) -> tuple[str, ...]:
    """Names of all metrics that a bundle has figures of; those of its manifest where it has no report."""
    try:
        return tuple(read_report(bundle).stages.deployed.metrics)
    except InputError:
        return tuple(bundle.manifest.metrics)


def built_metric(bundle: Bundle, name: str, *, drop: bool) -> Figure:
    """One metric of the deployed model, or what it lost against the original: points, or in its own unit."""
    try:
        stages = _possible_report(bundle).stages
    except InputError as error:
        return Figure(None, reason=str(error))
    before, after = stages.baseline.metrics.get(name), stages.deployed.metrics.get(name)
    if after is None or (drop and before is None):
        return Figure(None, reason=f"report.json has no {name}; build with test data that has labels.")
    if not drop or before is None:
        return Figure(after, "report.json")
    return Figure(_in_points(name, _worse_by(name, before, after)), "against the original")


def device_metric(
    bundle: Bundle, record: RunRecord, here: RunRecord | None, name: str, *, drop: bool
) -> Figure:
    """The same on a device; see the module."""
    found = record.metrics.get(name)
    if found is None:
        return Figure(None, reason=f"the bundle has no samples (eval.npz) for {name}.")
    if not drop:
        return Figure(found, f"{record.samples} samples")
    lost = built_metric(bundle, name, drop=True)
    if lost.value is None or here is None or name not in here.metrics or record.samples != here.samples:
        return Figure(None, reason=lost.reason or "not all samples were evaluated; raise --time-limit.")
    moved = lost.value + _in_points(name, _worse_by(name, here.metrics[name], found))
    return Figure(moved, f"against the original, {record.samples} samples")


def _in_points(name: str, lost: float) -> float:
    known = _metric(name)
    return 100 * lost if known is not None and known.unit == "fraction" else lost


def _drop_on_device(bundle: Bundle, record: RunRecord, here: RunRecord | None) -> Figure:
    names = _judged(bundle)
    if here is None or not names or any(
        name not in record.metrics or name not in here.metrics for name in names
    ):
        return Figure(None, reason="the bundle has no samples (eval.npz) to compare the device by.")
    if record.samples != here.samples:
        return Figure(None, reason=f"{record.samples} of {here.samples} samples were evaluated; "
                                   "raise --time-limit.")
    try:
        drops = _drops(bundle, _possible_report(bundle))
    except InputError as error:
        return Figure(None, reason=str(error))
    if isinstance(drops, str):
        return Figure(None, reason=drops)
    moved = {
        name: drop + _worse_by(name, here.metrics[name], record.metrics[name])
        for name, drop in drops.items() if name in here.metrics and name in record.metrics
    }
    name = max(moved, key=moved.__getitem__)
    return Figure(100 * moved[name], f"{name} against the original, {record.samples} samples")


def _is_fraction(name: str) -> bool:
    found = _metric(name)
    return found is None or found.unit == "fraction"


def _worse_by(name: str, before: float, after: float) -> float:
    lost = before - after if higher_is_better(name) else after - before
    # What is lost of a user's own metric is counted as `edgeprune.tasks.own_metric` does.
    return lost if metric_of(name) is not None else lost / max(1.0, abs(before))
