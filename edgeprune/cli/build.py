"""`edgeprune build`: the main job."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from edgeprune.api.progress import progress_bars
from edgeprune.cli import options
from edgeprune.cli.busy import waiting
from edgeprune.cli.output import say, say_document
from edgeprune.cli.reading import say_reading
from edgeprune.data.decisions import unheard
from edgeprune.pipeline.zoo import with_defaults
from edgeprune.recipe import Recipe, recipe
from edgeprune.recipe.file import read_recipe, written_recipe

EXAMPLES = """Examples

edgeprune build mine.keras --data pictures/ --prune 0.5

edgeprune build mine.keras --data mine.npz --max-drop 0.5 --out build/mine

edgeprune build mine.keras --data mine.npz --max-latency 5ms --device adb://

edgeprune build --task speech     # a model and data of the zoo"""
_WRITE_RECIPE = "Print all settings as TOML and do nothing else."
_FORCE = "Build even if nothing changed, or if the original does no better than a constant answer."
_RUNNER = "Program that measures on --device: python, native or benchmark_model."
_RESUME = "Continue an interrupted build of the same recipe."
_VERBOSE = "Also print how the file was quantized, what was tried, and notes."
_EXPLAIN = "Show what each layer's width costs in latency."


@options.with_recipe_options
def build(
    context: typer.Context,
    model: options.ModelName = None,
    data: options.DataName = None,
    out: Annotated[str, Option(help="Output folder. It is replaced as a whole.")] = "build/edgeprune",
    recipe_file: options.RecipeFile = None,
    write_recipe: Annotated[bool, Option("--write-recipe", help=_WRITE_RECIPE)] = False,
    custom_objects: options.CustomObjects = "",
    trust_model: options.TrustModel = False,
    force: Annotated[bool, Option("--force", help=_FORCE)] = False,
    resume: Annotated[bool, Option("--resume/--no-resume", help=_RESUME)] = True,
    explain: Annotated[bool, Option("--explain", help=_EXPLAIN)] = False,
    runner: Annotated[str, Option(help=_RUNNER)] = "python",
    python: Annotated[str | None, Option(help="Python on --device, for example that of a venv.")] = None,
    library: Annotated[Path | None, Option(help="LiteRT library for the native runner.")] = None,
    native_runner: Annotated[Path | None, Option(help="edgeprune_runner, built for the device.")] = None,
    benchmark_model: Annotated[Path | None, Option(help="Google's prebuilt benchmark_model.")] = None,
    json: Annotated[bool, Option("--json", help="Print report.json and nothing else.")] = False,
    silent: Annotated[bool, Option("--quiet", help="Print no progress and no table.")] = False,
    verbose: Annotated[bool, Option("--verbose", help=_VERBOSE)] = False,
    help_all: options.HelpAll = False,
    **settings: object,
) -> None:
    """Remove neurons, fine-tune, quantize, verify and measure a model."""
    del help_all  # its callback has answered
    typed = {"model": model, "data": data, "custom_objects": custom_objects or None}
    effective, places = _effective(context, recipe_file, typed, out, settings)
    if write_recipe:
        say_document(written_recipe(effective, places))
        return
    from device_runners.options import BenchOptions
    from edgeprune.bundle.read import REPORT
    from edgeprune.cli.summary import say_summary
    from edgeprune.gate.recipe_limits import has_limits, read_limits
    from edgeprune.gate.verdicts import limit_verdicts
    from edgeprune.pipeline import build as pipeline
    from edgeprune.report.read import read_report

    asked = read_limits(recipe_file) if recipe_file is not None and has_limits(recipe_file) else None
    tools = BenchOptions(
        runner=runner, python=python, library=library, native_runner=native_runner,
        benchmark_model=benchmark_model,
        waiting=waiting(lambda text: say(text, error=True), in_place=False),
    )
    objects = places.get("custom_objects", "")
    source = pipeline.Source(places.get("model"), places.get("data"), objects, trust_model, force=force)
    with progress_bars(enabled=not (silent or json)) as progress:
        done = pipeline.run(
            source, effective, Path(places["out"]), command=shlex.join(["edgeprune", *sys.argv[1:]]),
            progress=progress, force=force, resume=resume and not force, tools=tools,
            announce=unheard if silent or json else say_reading,
        )
    if json:
        say_document(done.bundle.file(REPORT).read_text(encoding="utf-8"))
    elif not silent:
        if done.unchanged:
            say("Nothing changed since the last build, so nothing was done. --force builds again.")
        limits = () if asked is None else limit_verdicts(done.bundle.path, asked)
        say_summary(read_report(done.bundle), places["out"], limits, explain=explain, verbose=verbose)


def _effective(
    context: typer.Context, recipe_file: Path | None, typed: Mapping[str, str | None], out: str,
    settings: Mapping[str, object],
) -> tuple[Recipe, dict[str, str]]:
    """The recipe and the places (model, data, out); the command line wins over the file."""
    given, places = read_recipe(recipe_file) if recipe_file else ({}, {})
    places |= {name: value for name, value in typed.items() if value is not None}
    if options.given_settings(context, {"out": out}) or "out" not in places:
        places["out"] = out
    asked = {**given, **options.given_settings(context, settings)}
    return recipe(**with_defaults(places.get("model"), asked)), places
