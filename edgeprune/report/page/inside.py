"""The sections on the model's inside: budget, widths, MACs, quantization, latency, training."""

from collections.abc import Iterator

from edgeprune.quantities import show_duration, show_energy, show_size
from edgeprune.report import budget as text
from edgeprune.report.doubts import of_timings
from edgeprune.report.figures import quality_name, quality_show
from edgeprune.report.page.bars import MAX_ROWS, Bar, bars, show_count
from edgeprune.report.page.histogram import histogram
from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.lines import curve
from edgeprune.report.page.scatter import STAGE_NAMES
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import figure
from edgeprune.report.quantization import lost_points
from edgeprune.report.schema import AttemptReport, LayerReport
from edgeprune.report.table import optional
from edgeprune.run_record import RunRecord

_MAX_TABLE_ROWS = 400


def budget(subject: Subject) -> Html | None:
    """Predicted beside measured, and why each layer is as wide as it is; None without a limit."""
    found = subject.report.budget
    if found is None:
        return None
    return join((
        *(tag("p", line) for line in text.summary(found)),
        table("Predicted and measured", text.ROUNDS, list(text.rounds(found)), numbers_from=2),
        table("Why each layer has its width", text.COLUMNS, list(text.rows(found))[:_MAX_TABLE_ROWS]),
        tag("p", text.MEANING),
    ))


def layers(subject: Subject, prefix: str) -> Html:
    """Widths of what is pruned together, each layer's MACs, and which neurons had to stay."""
    report = subject.report
    plots: list[Html] = []
    if report.groups:
        widths = [
            Bar(one.name, one.units_after, one.units_before, f"{one.units_after:,} of {one.units_before:,}")
            for one in report.groups
        ]
        rows = [(one.name, f"{one.units_before:,}", f"{one.units_after:,}") for one in report.groups]
        plots.append(figure(
            bars(f"{prefix}-widths", "Neurons by layer, before and after", widths),
            "Filled bars are the neurons that are left, outlines those of the original." + _drawn(len(rows)),
            table("Neurons by layer", ("layer", "before", "after"), rows[:_MAX_TABLE_ROWS]),
        ))
    costs = [one for one in report.layers if one.macs_before]
    if costs:
        macs = [Bar(one.name, one.macs_after or 0, one.macs_before or 0, _left(one)) for one in costs]
        plots.append(figure(
            bars(f"{prefix}-macs", "Multiply-accumulates by layer, before and after", macs),
            "Multiply-accumulates of one inference: filled bars are after pruning, outlines before."
            + _drawn(len(costs)),
            table("Parameters and MACs by layer",
                  ("layer", "kind", "parameters before", "after", "MACs before", "after"),
                  [_cost_row(one) for one in report.layers[:_MAX_TABLE_ROWS]], numbers_from=2),
        ))
    proof = report.equivalence
    parts = [tag(
        "p", "Removing the neurons gives the same outputs as switching them off: the largest difference on "
        f"{proof.samples} samples is {proof.max_abs_error:.1e} (tolerance {proof.tolerance:.1e}).",
    ), tag("div", join(plots), class_="plots") if plots else None]
    if report.refusals:
        rows = [(one.layer, f"{one.channels:,}", one.reason) for one in report.refusals]
        columns = ("layer", "neurons", "reason")
        parts.append(table("Neurons that had to stay, and why", columns, rows, numbers_from=9))
    return join(parts)


def quantization(subject: Subject, prefix: str) -> Html:
    """How the file was made, and what that did to each layer."""
    found, parts = subject.report.quantization, []
    facts = [
        ("number format", found.mode), ("converter", found.route), ("inputs and outputs", found.io),
        ("same predictions as the float model", optional(found.agreement, lambda v: f"{100 * v:.2f} %")),
        ("largest difference of an output", optional(found.max_abs_difference, lambda v: f"{v:.3g}")),
        ("operators", ", ".join(f"{count} {name}" for name, count in found.operators.items())),
    ]
    known = [fact for fact in facts if fact[1]]
    parts.append(table("How the deployed file was made", ("what", "how"), known, numbers_from=9))
    if found.steps:
        columns = ("step", "converter", "detail", "points lost", "file size", "latency", "result")
        tried = map(_attempt, found.steps)
        parts.append(table("What was tried, on validation data", columns, tried, numbers_from=3))
    errors = [one for one in found.layer_errors if one.relative_error >= 0]
    if errors:
        rows = [Bar(one.layer or one.operator, one.relative_error, None, f"{100 * one.relative_error:.2f} %")
                for one in errors]
        cells = [
            (one.layer, one.operator, f"{100 * one.relative_error:.3f} %",
             optional(one.added_error, lambda v: f"{100 * v:+.3f} %")) for one in errors
        ]
        parts.append(figure(
            bars(f"{prefix}-errors", "Quantization error by layer", rows, "pruned"),
            "Root mean square difference from the float model's values, relative to them. It includes the "
            "error that comes from earlier layers; 'added here' does not." + _drawn(len(rows)),
            table("Quantization error by layer", ("layer", "operator", "error", "added here"),
                  cells[:_MAX_TABLE_ROWS], numbers_from=2),
        ))
    return join(parts)


def _attempt(step: AttemptReport) -> tuple[str, ...]:
    return (
        step.name, step.route or "", step.detail,
        "" if step.drop_points is None else lost_points(step),
        optional(step.runnable_bytes, show_size),
        optional(step.latency_us, lambda v: show_duration(v / 1000)),
        "shipped" if step.chosen else step.verdict,
    )


def latency(subject: Subject, prefix: str) -> Html | None:
    """Percentiles of each stage as built, and distributions of the runs on devices."""
    rows = []
    for name, stage in subject.report.stages.by_name().items():
        if found := stage.latency_ms:
            figures = (optional(value, show_duration) for value in (found.p50, found.p90, found.p99))
            rows.append((STAGE_NAMES[name], *figures, optional(stage.peak_memory_bytes, show_size)))
    parts = []
    if rows:
        device = subject.report.device
        where = "the machine that built the model" if device == "local" else device
        parts.append(table(f"On {where}", ("model", "p50", "p90", "p99", "peak memory"), rows))
        parts.append(_doubts(subject))
    if subject.records:
        plots = [_device(record, f"{prefix}-run{index}") for index, record in enumerate(subject.records)]
        parts.append(tag("div", join(plots), class_="plots"))
    elif rows:
        parts.append(tag(
            "p", "No measurement on a device was given. Measure with ",
            tag("code", "edgeprune bench BUNDLE --device … --json > run.json"),
            " and pass the file with ", tag("code", "--records run.json"), ".",
        ))
    return join(parts) if parts else None


def training(subject: Subject, prefix: str) -> Html | None:
    """Curves of fine-tuning."""
    points, plots = subject.report.training, []
    is_loss = all(one.score is None or one.score <= 0 for one in points)  # a loss, negative: more is better
    kept = "The best epoch was kept; epoch 0 is before fine-tuning."
    curves = (
        ("loss", "training loss", "pruned", "Lower is better.", [(one.epoch, one.loss) for one in points]),
        ("score", "validation loss" if is_loss else "validation score", "deployed",
         f"{'Lower' if is_loss else 'Higher'} is better. {kept}",
         [(one.epoch, -one.score if is_loss and one.score else one.score) for one in points]),
    )
    for key, what, kind, caption, measured in curves:
        if values := [(epoch, value) for epoch, value in measured if value is not None]:
            rows = [(epoch, f"{value:.6g}") for epoch, value in values[:_MAX_TABLE_ROWS]]
            picture = curve(f"{prefix}-{key}", f"{what} by epoch", values, what, kind)
            data = table(f"{what} by epoch", ("epoch", what), rows)
            plots.append(figure(picture, f"{what.capitalize()}. {caption}", data))
    return tag("div", join(plots), class_="plots") if plots else None


def _doubts(subject: Subject) -> Html:
    found = of_timings(subject.report.stages.by_name())
    return join(tag("p", one.text, class_="note") for one in found)


def _device(record: RunRecord, identity: str) -> Html:
    facts = record.facts
    runtime = f"{record.runtime.name} {record.runtime.version}, {_threads(record)}"
    about = f"{facts.model}, {facts.soc} ({facts.arch}), {runtime}"
    values = {"p50": record.latency.p50_ms, "p90": record.latency.p90_ms, "p99": record.latency.p99_ms}
    rows = [(key, show_duration(value)) for key, value in values.items() if value is not None]
    rows += [(f"{quality_name(name)}, {record.samples:,} samples", quality_show(name)(value))
             for name, value in record.metrics.items() if "/" not in name]
    if record.memory.peak_bytes is not None:
        rows.append(("peak memory", show_size(record.memory.peak_bytes)))
    rows += _on_demand(record)
    details = table(f"Run on {record.device}", ("figure", "value"), rows)
    doubts = join(tag("p", f"In doubt: {reason}.", class_="note") for reason in record.unstable)
    if not record.latency_ns:
        return tag("figure", tag("figcaption", f"{record.device}: {about}"), doubts, details)
    picture = histogram(identity, f"Latency on {record.device}", record.latency_ns)
    return tag("div", figure(picture, f"{record.device}: {about}.", details), doubts)


def _on_demand(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Figures of what `bench` measures only where it is asked to."""
    if record.concurrent is not None:
        one = record.concurrent
        yield f"{one.workers} models at the same time", f"{one.per_s:,.0f} inferences/s together"
    if record.sustained:
        first, settled = record.settled_per_s
        seconds = f"{record.sustained[-1].end_s:.0f} s without a pause"
        yield f"{seconds}, first fifth", f"{first:,.0f} inferences/s"
        yield f"{seconds}, last fifth", f"{settled:,.0f} inferences/s"
    if record.energy is not None and record.energy.per_inference_mj is not None:
        what = f"energy of an inference, by {record.energy.method}"
        yield what, show_energy(record.energy.per_inference_mj)


def _threads(record: RunRecord) -> str:
    return f"{record.settings.threads} thread{'s' * (record.settings.threads > 1)}"


def _left(one: LayerReport) -> str:
    return f"{show_count(one.macs_after or 0)} of {show_count(one.macs_before or 0)}"


def _cost_row(one: LayerReport) -> tuple[str, ...]:
    figures = (one.params_before, one.params_after, one.macs_before, one.macs_after)
    return (one.name, one.kind, *(optional(value, "{:,}".format) for value in figures))


def _drawn(rows: int) -> str:
    return f" The first {MAX_ROWS} of {rows} layers are drawn." if rows > MAX_ROWS else ""
