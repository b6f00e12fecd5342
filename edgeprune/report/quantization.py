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
        how += f". Its largest errors are in the layers {', '.join(worst)} (report.json has all)"
    yield f"{how}."
    steps = [step for step in found.steps if step.drop_points is not None]
    if why := _why_several(steps, limit if isinstance(limit, (int, float)) else 0.0):
        yield f"{why} Tried:"
        yield from (f"  {_tried(step)}" for step in steps)


def lost_points(step: AttemptReport) -> str:
    """As "1.25 of price R²", and what is likely in the long run where that is what counts."""
    part, of, column = step.worst_part.partition(" of ")
    name = f" of {quality_name(part)}{of}{column}" if part else ""
    likely = "" if step.likely_points is None else f" (likely {step.likely_points:.2f})"
    return f"{step.drop_points or 0.0:.2f}{name}{likely}"


def _tried(step: AttemptReport) -> str:
    detail = f", {step.detail}" if step.detail else ""
    verdict = "shipped" if step.chosen else step.verdict
    return (
        f"{step.name} ({step.route}{detail}): {(step.runnable_bytes or 0) / 1000:,.1f} kB, "
        f"{show_duration((step.latency_us or 0.0) / 1000)}, points lost: {lost_points(step)}"
        f"{f'; {verdict}' if verdict else ''}"
    )


def _why_several(steps: Sequence[AttemptReport], limit: float) -> str:
    if not steps:
        return ""
    first = steps[0]
    lost = first.drop_points or 0.0
    likely = lost if first.likely_points is None else first.likely_points
    if likely > limit:
        verb = "lost" if lost > limit else "is likely to lose"
        return f"Plain quantization {verb} more than {limit:g} points on validation data."
    several = "Of the files that keep the quality, the one with the best size and latency ships."
    return several if len(steps) > 1 else ""


def _worst(errors: Sequence[LayerErrorReport]) -> list[str]:
    """The layers that err most, each once."""
    largest: dict[str, float] = {}
    for error in errors:
        largest.setdefault(error.layer, error.relative_error)
    return [f"{layer} {100 * error:.1f} %" for layer, error in list(largest.items())[:_WORST]]
