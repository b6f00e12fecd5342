"""`edgeprune inspect`: what a model consists of, what can be pruned, and what cannot and why."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Annotated

import typer

from edgeprune.cli.busy import busy
from edgeprune.cli.options import CustomObjects, TrustModel
from edgeprune.cli.output import cells, draw, say, say_document

EXAMPLES = """Examples

edgeprune inspect mine.keras"""
_COLUMNS = {
    "layers": ("name", "kind", "params", "macs"), "groups": ("name", "neurons", "producers"),
    "refusals": ("layer", "neurons", "because_of", "reason"),
    "left_whole": ("layer", "kind", "params_fraction", "macs_fraction", "reason"),
}

_TITLES = {
    "layers": "Layers", "groups": "Neurons that go together", "refusals": "Neurons that must stay",
    "left_whole": "Layers that stay whole",
}
_HEADS = {
    "params": "parameters", "macs": "MACs", "producers": "made by", "because_of": "because of",
    "params_fraction": "parameters", "macs_fraction": "MACs",
}


def inspect(
    model: Annotated[pathlib.Path, typer.Argument(help="A .keras or .h5 file, or a SavedModel folder.")],
    custom_objects: CustomObjects = "",
    trust_model: TrustModel = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what can be removed, what cannot, and why."""
    from edgeprune import jsonable

    with busy(f"Reading {model}", enabled=not as_json):
        from edgeprune.keras_bridge.inspect import inspect as inspect_model
        from edgeprune.keras_bridge.silence import import_quietly

        import_quietly()
        found = inspect_model(model, custom_objects=custom_objects, trust_model=trust_model)
    total = found.total
    tables = {
        "layers": found.layers, "groups": found.groups, "refusals": found.refusals,
        "left_whole": found.unpruned,
    }
    if as_json:
        document = {"model": str(model), "keras": found.keras, **dataclasses.asdict(total), **tables}
        say_document(jsonable.dumps(document, indent=1))
        return
    for name, rows in tables.items():
        _print(name, rows)
    say(
        f"Keras {found.keras}: {total.neurons:,} prunable neurons, {total.params:,} parameters, "
        f"{found.macs_text} MACs"
    )


def _print(name: str, rows: Sequence[object]) -> None:
    from rich.table import Table

    if not rows:
        return
    table = Table(title=_TITLES[name], title_justify="left", box=None)
    for column in _COLUMNS[name]:
        table.add_column(_HEADS.get(column, column))
    for row in rows:
        table.add_row(*cells(_text(getattr(row, column)) for column in _COLUMNS[name]))
    draw(table)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:.0%}"
    return f"{value:,}" if isinstance(value, int) else str(value)
