"""`edgeprune search`: the Pareto front of accuracy against latency, size and memory."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from edgeprune.cli import options
from edgeprune.cli.output import cell, cells, draw, say, say_document
from edgeprune.recipe import LIMITS

if TYPE_CHECKING:
    from edgeprune.sweep import Front, Sweep

EXAMPLES = """Examples

edgeprune search mine.keras --data mine.npz --trials 24

edgeprune search mine.keras --data mine.npz --vary prune=0.3,0.5,0.7"""
_OUT = "Folder of the best builds, front.json and front.html."
_VARY = (
    "Values of an option of `build` to try, such as prune=0.3,0.5. Repeatable. Default: prune, "
    "schedule, criterion, allocation, quantize, learning rate, distill."
)
_OBJECTIVE = "What to optimize: accuracy, latency, size or memory. Repeatable. Default: all."
_STOP = "Stop builds that are far behind others."
_DEVICE = "Device that measures: local, ssh://… or adb://…. Repeatable, for several equal devices."
_WORKERS = "Builds that run at the same time. Default: 1, or all cores of the cluster."
_RAY = "auto or HOST:PORT of a Ray cluster. Default: processes on this machine."
_STORAGE = "Database, which processes may share: sqlite:///FILE or postgresql://…. Default: a file in --out."


@functools.partial(options.with_recipe_options, without=(*LIMITS, "device"))
def search(
    context: typer.Context,
    model: options.ModelName = None,
    data: options.DataName = None,
    out: Annotated[Path, Option(help=_OUT)] = Path("build/search"),
    trials: Annotated[int, options.COUNT(help="Number of builds. A larger number continues later.")] = 24,
    vary: Annotated[list[str] | None, Option(help=_VARY)] = None,
    recipe_file: options.RecipeFile = None,
    objective: Annotated[list[str] | None, Option(help=_OBJECTIVE)] = None,
    device: Annotated[list[str] | None, Option(help=_DEVICE)] = None,
    python: Annotated[str | None, Option(help="Python on the devices, for example that of a venv.")] = None,
    workers: Annotated[int | None, options.COUNT(help=_WORKERS)] = None,
    ray: Annotated[str | None, Option(help=_RAY)] = None,
    storage: Annotated[str | None, Option(help=_STORAGE)] = None,
    study: Annotated[str, Option(help="Name of the sweep in the storage.")] = "edgeprune",
    stop_early: Annotated[bool, Option("--stop-early/--no-stop-early", help=_STOP)] = True,
    custom_objects: options.CustomObjects = "",
    trust_model: options.TrustModel = False,
    json: Annotated[bool, Option("--json", help="Print front.json to stdout and nothing else.")] = False,
    silent: Annotated[bool, Option("--quiet", help="Print no table and no progress.")] = False,
    help_all: options.HelpAll = False,
    **settings: object,
) -> None:
    """Build many variants and keep the best. The same command continues after a crash."""
    del help_all  # its callback has answered
    from edgeprune.api.search import sweep_of
    from edgeprune.sweep.front_page import write_front

    repeated = {"vary": vary, "objective": objective, "device": device}
    given: dict[str, Any] = {
        **{name: values for name, values in repeated.items() if values},
        **options.given_settings(context, settings),
    }
    what = sweep_of(
        model, data, trials=trials, recipe=recipe_file, python=python, workers=workers, ray=ray,
        storage=storage, study=study, stop_early=stop_early, custom_objects=custom_objects,
        trust_model=trust_model, **given,
    )
    front = _run(what, out, enabled=not (silent or json))
    written = write_front(front, out)
    if json:
        say_document(written["front.json"].read_text(encoding="utf-8"))
    elif not silent:
        _print(front, out)


def _run(what: Sweep, out: Path, *, enabled: bool) -> Front:
    from edgeprune.cli.live import live_table
    from edgeprune.sweep import sweep

    try:
        # Ray writes whole state dumps to stdout when a machine leaves.
        with live_table(enabled=enabled) as show, contextlib.redirect_stdout(None):
            return sweep(what, out, show=show)
    except KeyboardInterrupt:
        say(f"Finished trials are kept in {out}. The same command continues with the rest.", error=True)
        raise


def _print(front: Front, out: Path) -> None:
    import platform

    from rich.table import Table

    from edgeprune.sweep.front_page import columns, row, settings_text

    table = Table(title=f"{len(front.optimal)} of {len(front.trials)} trials are beaten by no other one")
    for name in columns(front):
        table.add_column(cell(name), justify="right")
    for one in front.optimal:
        table.add_row(*cells(row(front, one)))
    draw(table)
    for one in front.optimal:
        say(f"{one.number:>5}  {settings_text(one.settings)}")
        where = one.bundle.removeprefix(f"{platform.node()}:")
        say(f"       {where}")
    failed = [one for one in front.trials if one.error and not one.stopped]
    for one in failed[:3]:
        say(f"Trial {one.number} gave no model: {one.error}")
    for note in front.notes:
        say(f"Warning: {note}")
    say(f"Page: {out}/front.html")
