"""`edgeprune shrink`: removes neurons that can never change an output."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer


def shrink(
    model: Annotated[pathlib.Path, typer.Argument(help="A .keras or .h5 file, or a SavedModel folder.")],
    out: Annotated[
        pathlib.Path | None, typer.Option("--out", help="Where to write. Default: MODEL with -shrunk.keras.")
    ] = None,
    trust_model: Annotated[
        bool, typer.Option("--trust-model", help="Run Python code (Lambda layers) inside of the file.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Remove neurons that cannot change any output, with the proof; nothing else."""
    from edgeprune import jsonable
    from edgeprune.keras_bridge.load import load_model, save_model
    from edgeprune.keras_bridge.shrink import shrink as shrink_model

    result = shrink_model(load_model(model, trust=trust_model))
    target = out or model.with_name(f"{model.stem}-shrunk.keras")
    save_model(result.model, target)
    report = result.report
    if as_json:
        typer.echo(jsonable.dumps({**jsonable.encode(report), "model": str(target)}, indent=1))
        return
    for removal in report.removals:
        typer.echo(f"{removal.group}: {removal.units} {removal.reason}")
    before, after = report.before, report.after
    typer.echo(f"neurons {before.neurons:,} → {after.neurons:,}")
    typer.echo(f"parameters {before.params:,} → {after.params:,}, MACs {before.macs:,} → {after.macs:,}")
    proof = report.equivalence
    typer.echo(
        f"largest difference on {proof.samples} samples: {proof.max_abs_error:.2g} "
        f"(rounding: up to {proof.tolerance:.2g})"
    )
    typer.echo(f"written to {target}")
