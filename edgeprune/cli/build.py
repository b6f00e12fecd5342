"""`edgeprune build`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeprune.recipe import Recipe

_D = Recipe()


def build(
    model: Annotated[str | None, typer.Argument(help="A trained Keras model. Without: the zoo's, trained first.")] = None,
    task: Annotated[str, typer.Option(help="vision, speech or text: which of the zoo's models.")] = _D.task,
    prune: Annotated[float, typer.Option(help="Share to remove, 0 to below 1; 0 quantizes only.")] = _D.prune,
    unit: Annotated[str, typer.Option(help="What the share is of: neurons, params or macs.")] = _D.unit,
    out: Annotated[Path, typer.Option(help="Output folder; replaced as a whole.")] = Path("build/edgeprune"),
    criterion: Annotated[str, typer.Option(help="What goes first.")] = _D.criterion,
    allocation: Annotated[str, typer.Option(help="global or uniform: how layers share the loss.")] = _D.allocation,
    min_width: Annotated[int, typer.Option(help="Neurons every layer keeps.")] = _D.min_width,
    round_to: Annotated[int, typer.Option(help="Widths become multiples of this.")] = _D.round_to,
    schedule: Annotated[str, typer.Option(help="gradual (tfmot's schedule and masks) or one-shot.")] = _D.schedule,
    gradual_epochs: Annotated[int, typer.Option(help="Epochs while neurons leave.")] = _D.gradual_epochs,
    epochs: Annotated[int, typer.Option(help="Epochs of fine-tuning after that.")] = _D.epochs,
    batch_size: Annotated[int, typer.Option(help="Samples per training step.")] = _D.batch_size,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate of fine-tuning.")] = _D.learning_rate,
    weight_decay: Annotated[float, typer.Option(help="Weight decay of AdamW.")] = _D.weight_decay,
    distill: Annotated[float, typer.Option(help="Share of the original's answers in the targets.")] = _D.distill,
    calibration: Annotated[int, typer.Option(help="Samples that drive every decision.")] = _D.calibration,
    quantize: Annotated[str, typer.Option(help="int8, dynamic, float16, int16x8 or none.")] = _D.quantize,
    io: Annotated[str, typer.Option(help="float or int8: type of the deployed inputs and outputs.")] = _D.io,
    eval_samples: Annotated[int, typer.Option(help="Test samples that travel in the bundle.")] = _D.eval_samples,
    threads: Annotated[int, typer.Option(help="Threads of the runtime when measuring.")] = _D.threads,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = _D.seed,
    json: Annotated[bool, typer.Option("--json", help="Print report.json to stdout and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no table.")] = False,
) -> None:
    """Prune, strip, fine-tune, quantize, verify, measure and bundle a model."""
    settings = {
        "task": task, "prune": prune, "unit": unit, "criterion": criterion, "allocation": allocation,
        "min_width": min_width, "round_to": round_to, "schedule": schedule, "gradual_epochs": gradual_epochs,
        "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "weight_decay": weight_decay, "distill": distill, "calibration": calibration, "quantize": quantize,
        "io": io, "eval_samples": eval_samples, "threads": threads, "seed": seed,
    }
    _run(model, Recipe(**settings), out, json=json, quiet=quiet)  # type: ignore[arg-type]


def _run(model: str | None, recipe: Recipe, out: Path, *, json: bool, quiet: bool) -> None:
    from edgeprune import pipeline
    from edgeprune.cli.progress import progress_bars

    command = shlex.join(["edgeprune", *sys.argv[1:]])
    with progress_bars(quiet=quiet or json) as progress:
        bundle = pipeline.build(model, None, recipe, out=out, command=command, progress=progress)
    text = bundle.file("report.json").read_text(encoding="utf-8")
    if json:
        typer.echo(text, nl=False)
    elif not quiet:
        _print(text, out)


def _print(text: str, out: Path) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    from edgeprune.report.stages import table_rows

    report: dict[str, Any] = json.loads(text)
    table = Table(title=f"{report['model']} on {report['data']['name']}")
    for column in ("", "baseline", "pruned", "deployed", "change"):
        table.add_column(column, justify="left" if not column else "right")
    for row in table_rows(report):
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(
        f"{100 * report['removed']['neurons']:.1f} % of the neurons removed; stripped equals masked within "
        f"{report['equivalence']['max_abs_error']:.1e}; accuracy on {report['data']['test']} test samples."
    )
    for note in report["notes"]:
        console.print(f"Note: {note}")
    console.print(f"Bundle: {out}", soft_wrap=True)
