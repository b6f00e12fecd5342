"""`edgeprune build`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from edgeprune.recipe import Recipe

_D = Recipe()


def build(
    model: Annotated[str | None, Argument(help="A trained Keras model; without: the zoo's.")] = None,
    data: Annotated[str | None, Option(help="Samples: .npz with x_train, y_train, x_test, y_test.")] = None,
    task: Annotated[str, Option(help="vision, speech or text: which of the zoo's models.")] = _D.task,
    prune: Annotated[float, Option(help="Share to remove, 0 to below 1; 0 quantizes only.")] = _D.prune,
    unit: Annotated[str, Option(help="What the share is of: neurons, params or macs.")] = _D.unit,
    out: Annotated[Path, Option(help="Output folder; replaced as a whole.")] = Path("build/edgeprune"),
    criterion: Annotated[str, Option(help="What goes first.")] = _D.criterion,
    allocation: Annotated[str, Option(help="global or uniform: how layers share it.")] = _D.allocation,
    min_width: Annotated[int, Option(help="Neurons every layer keeps.")] = _D.min_width,
    round_to: Annotated[int, Option(help="Widths become multiples of this.")] = _D.round_to,
    schedule: Annotated[str, Option(help="gradual (tfmot's) or one-shot.")] = _D.schedule,
    gradual_epochs: Annotated[int, Option(help="Epochs while neurons leave.")] = _D.gradual_epochs,
    epochs: Annotated[int, Option(help="Epochs of fine-tuning after that.")] = _D.epochs,
    batch_size: Annotated[int, Option(help="Samples per training step.")] = _D.batch_size,
    learning_rate: Annotated[float, Option(help="Peak of fine-tuning.")] = _D.learning_rate,
    weight_decay: Annotated[float, Option(help="Of AdamW.")] = _D.weight_decay,
    distill: Annotated[float, Option(help="Share of the original's answers in targets.")] = _D.distill,
    calibration: Annotated[int, Option(help="Samples that drive every decision.")] = _D.calibration,
    quantize: Annotated[str, Option(help="int8, dynamic, float16, int16x8 or none.")] = _D.quantize,
    io: Annotated[str, Option(help="float or int8: deployed inputs and outputs.")] = _D.io,
    eval_samples: Annotated[int, Option(help="Test samples in the bundle.")] = _D.eval_samples,
    threads: Annotated[int, Option(help="Of the runtime when measuring.")] = _D.threads,
    seed: Annotated[int, Option(help="Of everything random.")] = _D.seed,
    json: Annotated[bool, Option("--json", help="Print report.json to stdout and nothing else.")] = False,
    quiet: Annotated[bool, Option("--quiet", help="No progress, no table.")] = False,
) -> None:
    """Prune, strip, fine-tune, quantize, verify, measure and bundle a model."""
    settings = {
        "task": task, "prune": prune, "unit": unit, "criterion": criterion, "allocation": allocation,
        "min_width": min_width, "round_to": round_to, "schedule": schedule, "gradual_epochs": gradual_epochs,
        "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "weight_decay": weight_decay, "distill": distill, "calibration": calibration, "quantize": quantize,
        "io": io, "eval_samples": eval_samples, "threads": threads, "seed": seed,
    }
    _run(model, data, Recipe(**settings), out, json=json, quiet=quiet)  # type: ignore[arg-type]


def _run(model: str | None, data: str | None, recipe: Recipe, out: Path, *, json: bool, quiet: bool) -> None:
    from edgeprune import pipeline
    from edgeprune.cli.progress import progress_bars

    command = shlex.join(["edgeprune", *sys.argv[1:]])
    with progress_bars(quiet=quiet or json) as progress:
        bundle = pipeline.build(model, data, recipe, out=out, command=command, progress=progress)
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
