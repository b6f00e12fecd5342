"""`edgeprune zoo`: lists the models that can be built without bringing one, and what was measured."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def zoo(
    task: Annotated[
        str | None, typer.Option(help="Only models of this task: vision, speech, text or tabular.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the models of the zoo with accuracy, size and latency before and after pruning."""
    rows = entries(task)
    if as_json:
        typer.echo(json.dumps({"models": rows}, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("model", "task", "what it is", "metric", "before", "after", "size", "latency"):
        table.add_column(title, no_wrap=title == "model")
    for row in rows:
        first = (row["name"], row["task"], row["summary"])
        for measured in row["results"] or [None]:
            table.add_row(*first, *_figures(measured))
            first = ("", "", "")
    Console().print(table)
    Console().print("before and after half of the neurons are removed; size and latency of the .tflite files")


def entries(task: str | None) -> list[dict[str, Any]]:
    """The zoo's models as plain values; ``results`` holds one entry a data set it was measured on.

    Raises:
        InputError: no model has this task.
    """
    import edgeprune_models
    from edgeprune.errors import InputError
    from edgeprune_models import results

    chosen = [model for model in edgeprune_models.ZOO.values() if task in (None, model.task)]
    if not chosen:
        tasks = sorted({model.task for model in edgeprune_models.ZOO.values()})
        found = f"The zoo has no task {task!r}."
        raise InputError(found, f"Expected one of {', '.join(tasks)}.", "Choose one.")
    return [
        {
            "name": model.name, "task": model.task, "summary": model.summary, "licence": model.licence,
            "default": model is edgeprune_models.default_of(model.task),
            "results": list(results.read(model.name)),
        }
        for model in chosen
    ]


def _figures(measured: dict[str, Any] | None) -> tuple[str, ...]:
    if measured is None:
        return ("not measured yet", "", "", "", "")
    before, after = measured["stages"]["baseline"], measured["stages"]["deployed"]
    metric = next(iter(before["metrics"]))
    data = measured["data"] + (" (synthetic)" if measured["synthetic"] else "")
    return (
        f"{metric} on {data}",
        f"{before['metrics'][metric]:.4f}",
        f"{after['metrics'][metric]:.4f}",
        f"{before['tflite_bytes'] / 1024:.0f} -> {after['tflite_bytes'] / 1024:.0f} KiB",
        _latency(before, after),
    )


def _latency(before: dict[str, Any], after: dict[str, Any]) -> str:
    if "latency_ms" not in before or "latency_ms" not in after:
        return ""
    return f"{before['latency_ms']['p50']:.2f} -> {after['latency_ms']['p50']:.2f} ms"
