"""`edgeprune inspect`: what a model consists of, what can be pruned, and what cannot and why."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from edgeprune.graph.dependency_graph import DependencyGraph


def inspect(
    model: Annotated[pathlib.Path, typer.Argument(help="A .keras or .h5 file, or a SavedModel folder.")],
    custom_objects: Annotated[
        str, typer.Option("--custom-objects", help="Module with layers of your own: package.module.")
    ] = "",
    trust_model: Annotated[
        bool, typer.Option("--trust-model", help="Run Python code (Lambda layers) inside of the file.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show layers, prunable groups, neurons, parameters, MACs, and what cannot be pruned and why."""
    from edgeprune import jsonable
    from edgeprune.keras_bridge.custom_objects import objects_of
    from edgeprune.keras_bridge.keras_version import is_keras3
    from edgeprune.keras_bridge.load import load_model
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.dependencies import find_dependencies

    loaded = load_model(model, trust=trust_model, custom_objects=objects_of(custom_objects))
    found = inspection(find_dependencies(read(loaded).graph))
    found = {"model": str(model), "keras": 3 if is_keras3(loaded) else 2, **found}
    if as_json:
        typer.echo(jsonable.dumps(found, indent=1))
    else:
        _print(found)


def inspection(dependencies: DependencyGraph) -> dict[str, Any]:
    """The traced model as plain values."""
    from edgeprune.graph.cost import cost, layer_costs

    total, layers = cost(dependencies), layer_costs(dependencies)
    return {
        "neurons": total.neurons,
        "params": total.params,
        "macs": total.macs,
        "layers": [
            {
                "name": path,
                "kind": dependencies.graph.layers[path].kind,
                "params": one.params,
                "macs": one.macs,
            }
            for path, one in layers.items()
        ],
        "groups": [
            {"name": group.name, "neurons": len(group.channels), "producers": list(group.producers)}
            for group in dependencies.groups
        ],
        "refusals": [
            {"layer": one.layer, "neurons": one.channels, "because_of": one.because_of, "reason": one.reason}
            for one in dependencies.refusals
        ],
    }


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, columns in (
        ("layers", ("name", "kind", "params", "macs")),
        ("groups", ("name", "neurons", "producers")),
        ("refusals", ("layer", "neurons", "because_of", "reason")),
    ):
        table = Table(title=title, title_justify="left", box=None)
        for column in columns:
            table.add_column(column.replace("_", " "))
        for row in found[title]:
            table.add_row(*(_cell(row[column]) for column in columns))
        console.print(table)
    console.print(
        f"Keras {found['keras']}: {found['neurons']:,} prunable neurons, {found['params']:,} parameters, "
        f"{found['macs']:,} MACs"
    )


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
