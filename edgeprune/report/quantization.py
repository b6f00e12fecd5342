"""What a build says about quantization: how the file was made, where it errs, what recovery cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    limit = report["recipe"].get("max_quantization_drop", 0.0)
    if steps and steps[0]["drop_points"] > limit:
        yield f"Quantized plainly it lost more than {limit:g} points on validation data. Tried:"
        yield from (f"  {tried(step)}" for step in steps)


def tried(step: Mapping[str, Any]) -> str:
    """One step with its gain and its cost, and whether it is what ships."""
    detail = f" ({step['detail']})" if step.get("detail") else ""
    return (
        f"{step['name']}, {step['route']}: {step['drop_points']:+.2f} points lost, "
        f"{step['runnable_bytes'] / 1000:,.1f} kB, {step['latency_us']:,.0f} us"
        f"{', shipped' if step['chosen'] else ''}{detail}"
    )


def _worst(errors: list[Mapping[str, Any]]) -> list[str]:
    """The layers that err most, each once."""
    largest: dict[str, float] = {}
    for error in errors:
        largest.setdefault(error["layer"], error["relative_error"])
    return [f"{layer} {100 * error:.1f} %" for layer, error in list(largest.items())[:_WORST]]
