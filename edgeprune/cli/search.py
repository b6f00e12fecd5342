"""`edgeprune search`: the Pareto front of accuracy against latency, size and memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeprune.search.study import Done

_UNITS = {"latency": " ms", "size": " B", "memory": " B"}


def search(
    model: Annotated[str | None, Argument(help="A trained Keras model; without: the zoo's.")] = None,
    data: Annotated[str | None, Option(help="Samples, as for `build`.")] = None,
    out: Annotated[
        Path, Option(help="Folder of the trials' bundles and the sweep's memory.")
    ] = Path("build/search"),
    trials: Annotated[int, Option(min=1, help="Builds in all.")] = 24,
    vary: Annotated[
        list[str] | None, Option(help="FIELD=VALUE,VALUE,… of the recipe, as prune=0.3,0.5; repeatable.")
    ] = None,
    recipe_file: Annotated[
        Path | None, Option("--recipe", help="A TOML file of `build` options that stay the same.")
    ] = None,
    objective: Annotated[
        list[str] | None, Option(help="accuracy, latency, size or memory; repeatable. Default: all.")
    ] = None,
    device: Annotated[
        list[str] | None, Option(help="Where to measure; repeatable: a pool, each trial on a free one.")
    ] = None,
    python: Annotated[str | None, Option(help="Python on the device, such as a venv's.")] = None,
    workers: Annotated[int, Option(min=1, help="Builds at the same time.")] = 1,
    ray: Annotated[
        str | None, Option(help="auto or ADDRESS of a Ray cluster; without: processes of this machine.")
    ] = None,
    storage: Annotated[
        str | None, Option(help="sqlite:///FILE or postgresql://…; several processes may share it.")
    ] = None,
    study: Annotated[str, Option(help="Name of the sweep in the storage.")] = "edgeprune",
    custom_objects: Annotated[
        str, Option(help="package.module with layers, losses or metrics of your own.")
    ] = "",
    trust_model: Annotated[bool, Option("--trust-model", help="Let code in the model file run.")] = False,
    seed: Annotated[int, Option(help="Of the settings and of every build.")] = 0,
    as_json: Annotated[bool, Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Build many variants and show those that no other one beats; the same command goes on after a crash."""
    from edgeprune import jsonable
    from edgeprune import recipe_file as files
    from edgeprune.search import Sweep, sweep
    from edgeprune.search.space import parse_space

    fixed, places = files.read_recipe(recipe_file) if recipe_file else ({}, {})
    space = parse_space(vary or ())
    given = {name: value for name, value in fixed.items() if name not in space.values}
    what = Sweep(
        model or places.get("model"), data or places.get("data"), space, given,
        tuple(objective or ("accuracy", "latency", "size", "memory")), trials, storage, study, workers, ray,
        tuple(device or ("local",)), custom_objects or places.get("custom_objects", ""), trust_model, python,
        seed,
    )  # fmt: skip
    front = sweep(what, out, show=(lambda _: None) if as_json else _live(trials))
    if as_json:
        typer.echo(jsonable.dumps(front, indent=1))
        return
    _print(front.trials, front.objectives, out)


def _live(trials: int) -> Callable[[Sequence[Done]], None]:
    """One line for each trial that is done, on stderr."""
    told: set[int] = set()

    def show(results: Sequence[Done]) -> None:
        for one in results:
            if one.slot not in told:
                told.add(one.slot)
                what = one.error or ", ".join(_figure(name, one.figures[name]) for name in one.figures)
                done = f"{len(told)}/{trials} trial {one.slot}"
                typer.echo(f"{done} {_settings(one.settings)}: {what}", err=True)

    return show


def _figure(name: str, value: float) -> str:
    return f"{name} {value:.4g}" if name == "accuracy" else f"{name} {value:,.4g}{_UNITS.get(name, '')}"


def _settings(settings: Any) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _print(trials: Sequence[Done], objectives: Sequence[str], out: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    best = [one for one in trials if one.optimal]
    table = Table(title=f"{len(best)} of {len(trials)} trials that no other one beats")
    for column in ("trial", "settings", *objectives):
        table.add_column(column, justify="left" if column == "settings" else "right")
    for one in sorted(best, key=lambda found: found.figures[objectives[0]]):
        figures = [f"{one.figures[name]:,.5g}{_UNITS.get(name, '')}" for name in objectives]
        table.add_row(str(one.slot), escape(_settings(one.settings)), *figures)
    console = Console()
    console.print(table)
    console.print(f"Bundles: {out}/trial-NUMBER", soft_wrap=True, markup=False)
