"""`edgeprune inspect`: what a model consists of, what can be pruned, and what cannot and why."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprune.cli.busy import busy
from edgeprune.cli.options import CustomObjects, TrustModel
from edgeprune.cli.output import cells, draw, say, say_document

if TYPE_CHECKING:
    from edgeprune.graph.dependency_graph import DependencyGraph

Row = Mapping[str, str | int | float | list[str] | None]

EXAMPLES = """Examples

edgeprune inspect mine.keras"""


def inspect(
    model: Annotated[pathlib.Path, typer.Argument(help="A .keras or .h5 file, or a SavedModel folder.")],
    custom_objects: CustomObjects = "",
    trust_model: TrustModel = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what can be removed, what cannot, and why."""
    from edgeprune import jsonable
    from edgeprune.graph.cost import cost

    with busy(f"Reading {model}", enabled=not as_json):
        from edgeprune.keras_bridge.keras_version import is_keras3
        from edgeprune.keras_bridge.load import load_model, objects_of
        from edgeprune.keras_bridge.read import read
        from edgeprune.keras_bridge.silence import import_quietly
        from edgeprune.pruning.dependencies import find_dependencies

        import_quietly()
        loaded = load_model(model, trust=trust_model, custom_objects=objects_of(custom_objects))
        dependencies = find_dependencies(read(loaded).graph)
    total, tables, keras = cost(dependencies), tables_of(dependencies), 3 if is_keras3(loaded) else 2
    if as_json:
        found = {"model": str(model), "keras": keras, **dataclasses.asdict(total), **tables}
        say_document(jsonable.dumps(found, indent=1))
        return
    _print(tables)
    more = "at least " if dependencies.uncounted else ""
    say(
        f"Keras {keras}: {total.neurons:,} prunable neurons, {total.params:,} parameters, "
        f"{more}{total.macs:,} MACs"
    )


def tables_of(dependencies: DependencyGraph) -> dict[str, list[Row]]:
    """Layers, groups and refusals of a model as plain values."""
    from edgeprune.graph.cost import layer_costs
    from edgeprune.pruning.unpruned_layers import unpruned_layers

    layers = dependencies.graph.layers
    return {
        "layers": [
            {
                "name": path, "kind": layers[path].kind, "params": one.params,
                "macs": one.macs if one.counted else None,
            }
            for path, one in layer_costs(dependencies).items()
        ],
        "groups": [
            {"name": group.name, "neurons": len(group.channels), "producers": list(group.producers)}
            for group in dependencies.groups
        ],
        "refusals": [
            {"layer": one.layer, "neurons": one.channels, "because_of": one.because_of, "reason": one.reason}
            for one in dependencies.refusals
        ],
        "left_whole": [dataclasses.asdict(one) for one in unpruned_layers(dependencies)],
    }


def _print(tables: Mapping[str, Sequence[Row]]) -> None:
    from rich.table import Table

    for title, columns in (
        ("layers", ("name", "kind", "params", "macs")),
        ("groups", ("name", "neurons", "producers")),
        ("refusals", ("layer", "neurons", "because_of", "reason")),
        ("left_whole", ("layer", "kind", "params_fraction", "macs_fraction", "reason")),
    ):
        if not tables[title]:
            continue
        table = Table(title=title.replace("_", " "), title_justify="left", box=None)
        for column in columns:
            table.add_column(column.replace("_", " "))
        for row in tables[title]:
            table.add_row(*cells(_text(row[column]) for column in columns))
        draw(table)


def _text(value: str | int | float | list[str] | None) -> str:  # noqa: PYI041 - ints are counts
    if isinstance(value, list):
        return ", ".join(value)
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:.0%}"
    return f"{value:,}" if isinstance(value, int) else value
