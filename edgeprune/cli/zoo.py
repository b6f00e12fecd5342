"""`edgeprune zoo`: lists the models that can be built without bringing one, and what was measured."""

import json
from typing import Annotated, Any

import typer

from edgeprune.cli.output import say, say_document
from edgeprune.quantities import show_duration

_TASK = "Only models of this task: vision, segmentation, detection, speech, text, translation or tabular."


def zoo(
    task: Annotated[str | None, typer.Option(help=_TASK)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List ready models with accuracy, size and latency before and after pruning."""
    rows = entries(task)
    if as_json:
        say_document(json.dumps({"models": rows}, indent=1))
        return
    for row in rows:
        say(f"{row['name']:<18}{row['summary']}" + (f" (default for {row['task']})" * row["default"]))
        for measured in row["results"]:
            say(f"    {_figures(measured)}")
        if not row["results"]:
            say("    not measured yet")
    say("Before and after removing half of the neurons; on test data, means of several seeds.")
    say("To build one: edgeprune build zoo:NAME")


def entries(task: str | None) -> list[dict[str, Any]]:
    """The zoo's models as plain values; ``results`` holds one entry a data set it was measured on."""
    import edgeprune_models
    from edgeprune.errors import InputError
    from edgeprune_models import results

    chosen = [model for model in edgeprune_models.ZOO.values() if task in (None, model.task)]
    if not chosen:
        tasks = ", ".join(sorted({model.task for model in edgeprune_models.ZOO.values()}))
        raise InputError(f"The zoo has no task {task!r}.", f"Expected one of {tasks}.", "Choose one.")
    return [
        {
            "name": model.name, "task": model.task, "summary": model.summary, "licence": model.licence,
            "default": model is edgeprune_models.default_of(model.task),
            "results": list(results.read(model.name)),
        }
        for model in chosen
    ]


def _figures(measured: dict[str, Any]) -> str:
    from edgeprune.report.figures import quality_name

    before, after = measured["stages"]["baseline"], measured["stages"]["deployed"]
    metric = next(iter(before["metrics"]))
    data = measured["data"]["name"] + (" (synthetic)" if measured["data"]["synthetic"] else "")
    values = [f"{100 * stage['metrics'][metric]:.2f}" for stage in (before, after)]
    sizes = [f"{stage['tflite_bytes'] / 1000:,.0f}" for stage in (before, after)]
    parts = [f"{quality_name(metric)} {' -> '.join(values)} %", f"{' -> '.join(sizes)} kB"]
    if "latency_ms" in before and "latency_ms" in after:
        parts.append(" -> ".join(show_duration(stage["latency_ms"]["p50"]) for stage in (before, after)))
    return f"{data}: {', '.join(parts)}"
