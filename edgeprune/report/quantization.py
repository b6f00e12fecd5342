"""What a build says about quantization: how the file was made, where it errs, what recovery cost."""

from collections.abc import Iterator, Sequence

from edgeprune.quantities import show_duration
from edgeprune.report.figures import quality_name
from edgeprune.report.schema import AttemptReport, LayerErrorReport, Report

_WORST = 3


def lines(report: Report) -> Iterator[str]:
    """Sentences for the terminal."""
    found, limit = report.quantization, report.recipe.get("max_quantization_drop", 0.0)
    how = f"Quantized to {found.mode} by {found.route}"
    if found.mode == "none":
        how = f"Not quantized, converted by {found.route}"
    if worst := _worst(found.layer_errors):
        how += f"; the layers with the largest errors are {', '.join(worst)} (all of them in report.json)"
    yield f"{how}."
    steps = [step for step in found.steps if step.drop_points is not None]
    if why := _why_several(steps, limit if isinstance(limit, (int, float)) else 0.0):
        yield f"{why} Tried:"
        yield from (f"  {_tried(step)}" for step in steps)


def up_to(likely_points: float | None) -> str:
    """What counts as lost, where that is not what was counted on these few samples."""
    return "" if likely_points is None else f", likely {likely_points:.2f}"


def _tried(step: AttemptReport) -> str:
    detail = f" ({step.detail})" if step.detail else ""
    part = f" of {quality_name(step.worst_part)}" if step.worst_part else ""
    verdict = "shipped" if step.chosen else step.verdict
    return (
        f"{step.name}, {step.route}: {step.drop_points or 0.0:+.2f} points lost{part}"
        f"{up_to(step.likely_points)}, {(step.runnable_bytes or 0) / 1000:,.1f} kB, "
        f"{show_duration((step.latency_us or 0.0) / 1000)}{f', {verdict}' if verdict else ''}{detail}"
    )


def _why_several(steps: Sequence[AttemptReport], limit: float) -> str:
    if not steps:
        return ""
    first = steps[0]
    lost = first.drop_points or 0.0
    likely = lost if first.likely_points is None else first.likely_points
    if likely > limit:
        verb = "lost" if lost > limit else "is likely to lose"
        return f"Quantized plainly it {verb} more than {limit:g} points on validation data."
    several = "Of the files that keep the quality, the one that is small and fast at once ships."
    return several if len(steps) > 1 else ""


def _worst(errors: Sequence[LayerErrorReport]) -> list[str]:
    """The layers that err most, each once."""
    largest: dict[str, float] = {}
    for error in errors:
        largest.setdefault(error.layer, error.relative_error)
    return [f"{layer} {100 * error:.1f} %" for layer, error in list(largest.items())[:_WORST]]
