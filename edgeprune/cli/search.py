"""`edgeprune search`: the Pareto front of accuracy against latency, size and memory."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from edgeprune.cli.options import given_settings, with_recipe_options
from edgeprune.recipe import BUDGET

if TYPE_CHECKING:
    from edgeprune.sweep import Front


@functools.partial(with_recipe_options, without=(*BUDGET, "device"))
def search(
    context: typer.Context,
    model: Annotated[str | None, Argument(help="A trained Keras model; without: the zoo's.")] = None,
    data: Annotated[str | None, Option(help="Samples, as for `build`.")] = None,
    out: Annotated[
        Path, Option(help="Folder of the front's bundles, front.json, front.html and the sweep's memory.")
    ] = Path("build/search"),
    trials: Annotated[int, Option(min=1, help="Builds in all; more, later, make a sweep longer.")] = 24,
    vary: Annotated[
        list[str] | None,
        Option(
            help="FIELD=VALUE,VALUE,… of `build`'s options, as prune=0.3,0.5; repeatable. Without: share, "
            "schedule, criterion, allocation, quantize, learning rate, distill."
        ),
    ] = None,
    recipe_file: Annotated[
        Path | None, Option("--recipe", help="A TOML file of options that stay the same; typed ones beat it.")
    ] = None,
    objective: Annotated[
        list[str] | None, Option(help="accuracy, latency, size or memory; repeatable. Default: all.")
    ] = None,
    device: Annotated[
        list[str] | None,
        Option(help="local, ssh://… or adb://…; repeatable: like devices, each trial on a free one."),
    ] = None,
    python: Annotated[str | None, Option(help="Python on the devices, such as a venv's.")] = None,
    workers: Annotated[
        int | None, Option(min=1, help="Builds at the same time. Default: 1, or all cores of the cluster.")
    ] = None,
    ray: Annotated[
        str | None, Option(help="auto or HOST:PORT of a Ray cluster; without: processes of this machine.")
    ] = None,
    storage: Annotated[
        str | None,
        Option(help="sqlite:///FILE or postgresql://…; several processes may share it. Default: in --out."),
    ] = None,
    study: Annotated[str, Option(help="Name of the sweep in the storage.")] = "edgeprune",
    stop_hopeless: Annotated[
        bool, Option("--stop-hopeless/--no-stop-hopeless", help="End trials that others are far ahead of.")
    ] = True,
    custom_objects: Annotated[
        str, Option(help="package.module with layers, losses or metrics of your own.")
    ] = "",
    trust_model: Annotated[bool, Option("--trust-model", help="Let code in the model file run.")] = False,
    json: Annotated[bool, Option("--json", help="Print front.json to stdout and nothing else.")] = False,
    quiet: Annotated[bool, Option("--quiet", help="No live table.")] = False,
    **settings: Any,
) -> None:
    """Build many variants and keep those that no other one beats; the same command goes on after a crash."""
    from edgeprune.errors import InputError
    from edgeprune.recipe import file as files
    from edgeprune.recipe import recipe
    from edgeprune.sweep import Sweep, sweep
    from edgeprune.sweep.space import parse_space

    given, places = files.read_recipe(recipe_file) if recipe_file else ({}, {})
    fixed = {**given, **given_settings(context, settings)}
    if recipe(**fixed).limited:
        raise InputError(
            "A sweep with a budget.", "Its front shows what each budget can have.",
            "Leave the limits out of the recipe file, or use `edgeprune build`.",
        )
    what = Sweep(
        model or places.get("model"), data or places.get("data"), parse_space(vary or (), fixed), fixed,
        tuple(objective or Sweep.objectives), trials, storage, study, workers, ray,
        tuple(device or Sweep.devices), custom_objects or places.get("custom_objects", ""), trust_model,
        python, stop_hopeless,
    )  # fmt: skip

    from edgeprune.cli.live import live_table
    from edgeprune.sweep.front_page import write_front

    try:
        # Ray writes whole state dumps to stdout when a machine leaves.
        with live_table(quiet=quiet or json) as show, contextlib.redirect_stdout(None):
            front = sweep(what, out, show=show)
    except KeyboardInterrupt:
        typer.echo(f"What is done is kept in {out}: the same command goes on with the rest.", err=True)
        raise
    written = write_front(front, out)
    if json:
        typer.echo(written["front.json"].read_text(encoding="utf-8"), nl=False)
    elif not quiet:
        _print(front, out)


def _print(front: Front, out: Path) -> None:
    import platform

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from edgeprune.sweep.front_page import columns, row, settings_text

    table = Table(title=f"{len(front.optimal)} of {len(front.trials)} trials that no other one beats")
    for name in columns(front):
        table.add_column(name, justify="right")
    for one in front.optimal:
        table.add_row(*map(escape, row(front, one)))
    console = Console()
    console.print(table)
    for one in front.optimal:
        console.print(f"{one.slot:>5}  {escape(settings_text(one.settings))}", highlight=False)
        where = one.bundle.removeprefix(f"{platform.node()}:")
        console.print(f"       {where}", soft_wrap=True, markup=False, highlight=False)
    failed = [one for one in front.trials if one.error and not one.stopped]
    for one in failed[:3]:
        console.print(f"Trial {one.slot} gave no model: {escape(one.error)}", soft_wrap=True)
    for note in front.notes:
        console.print(f"Note: {escape(note)}")
    console.print(f"Page: {out}/front.html", soft_wrap=True, markup=False)
