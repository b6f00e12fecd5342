"""What a build says about quantization: how the file was made, where it errs, what recovery cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WORST = 3


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Sentences for the terminal.

    Args:
        report: a report.json, read.
    """
    found = report["quantization"]
    said = f"Quantized to {found['mode']} by {found['route']}"
    if found["mode"] == "none":
        said = f"Not quantized, converted by {found['route']}"
    worst = _worst(found["layer_errors"])
    if worst:
        said += f"; largest errors of layers: {', '.join(worst)} (all of them in report.json)"
    yield f"{said}."
    steps = [step for step in found["steps"] if "drop_points" in step]
    said = _why_several(steps, report["recipe"].get("max_quantization_drop", 0.0))
    if said:
        yield f"{said} Tried:"
        yield from (f"  {tried(step)}" for step in steps)


def tried(step: Mapping[str, Any]) -> str:
    """One step with its gain and its cost, and whether it is what ships."""
    detail = f" ({step['detail']})" if step.get("detail") else ""
    return (
        f"{step['name']}, {step['route']}: {step['drop_points']:+.2f} points lost"
        f"{up_to(step.get('likely_points'))}, {step['runnable_bytes'] / 1000:,.1f} kB, "
        f"{step['latency_us']:,.0f} us{', shipped' if step['chosen'] else ''}{detail}"
    )


def up_to(likely_points: float | None) -> str:
    """What a loss may be on other samples, where that is known."""
    return "" if likely_points is None else f", up to {likely_points:.2f} on others"


def _why_several(steps: Sequence[Mapping[str, Any]], limit: float) -> str:
    if steps and steps[0].get("likely_points", steps[0]["drop_points"]) > limit:
        lost = "lost" if steps[0]["drop_points"] > limit else "is likely to lose"
        return f"Quantized plainly it {lost} more than {limit:g} points on validation data."
    shipped = [step for step in steps if step["chosen"] and step.get("detail", "").startswith("no fast")]
    return "".join(f"{step['name'].capitalize()}: {step['detail']}." for step in shipped)


def _worst(errors: list[Mapping[str, Any]]) -> list[str]:
    """The layers that err most, each once."""
    largest: dict[str, float] = {}
    for error in errors:
        largest.setdefault(error["layer"], error["relative_error"])
    return [f"{layer} {100 * error:.1f} %" for layer, error in list(largest.items())[:_WORST]]
