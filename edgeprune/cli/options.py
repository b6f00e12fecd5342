"""The recipe's fields as command line options, so that there is one list of settings."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from edgeprune.errors import InputError
from edgeprune.recipe import SETTINGS
from edgeprune.recipe.setting import MOST, Setting

_MODEL = "A trained Keras model, or zoo:NAME. Default: the task's zoo model."
_DATA = (
    "Samples: .npz, .npy, .csv, .jsonl, .parquet, a folder of images or .wav by class, tfds:NAME, keras:NAME "
    "or package.module:function."
)
_RECIPE = "A TOML file of these options; options on the command line win."
ModelName = Annotated[str | None, typer.Argument(help=_MODEL)]
DataName = Annotated[str | None, Option(help=_DATA)]
RecipeFile = Annotated[Path | None, Option("--recipe", help=_RECIPE)]
CustomObjects = Annotated[str, Option(help="package.module with your own layers, losses or metrics.")]
TrustModel = Annotated[bool, Option("--trust-model", help="Allow code inside the model file to run.")]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e6:
        raise typer.BadParameter(f"{text[:40]!r} is not a number of seconds, at least 0 and below 1000000.")
    return value


SECONDS = functools.partial(Option, parser=_number, metavar="SECONDS")
"""A number of seconds: finite, not negative."""
COUNT = functools.partial(Option, min=1, max=int(MOST))
"""A whole number from 1."""
FROM_0 = functools.partial(Option, min=0, max=int(MOST))
"""A whole number from 0."""


def with_recipe_options(command: Callable[..., None], without: Sequence[str] = ()) -> Callable[..., None]:
    """Give a command, as ``**settings``, an option for each field of the recipe but those in `without`."""
    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    own = [one for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [_option(one) for name, one in SETTINGS.items() if name not in without]
    everything = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *options)]
    command.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in everything}
    return command


def given_settings(context: typer.Context, settings: Mapping[str, object]) -> dict[str, object]:
    """What was typed on the command line, without defaults, as the recipe takes it."""
    typed = {
        name: value for name, value in settings.items()
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    }
    for name, value in typed.items():
        if isinstance(value, list):  # repeatable options
            typed[name] = dict(map(_ratio, value)) if name == "ratios" else tuple(value)
    return typed


def _option(one: Setting) -> inspect.Parameter:
    several = one.kind in (tuple[str, ...], Mapping[str, float])
    kind: object = list[str] if several else str if one.choices else one.kind
    if one.kind == str | float | None:
        kind = str | None
    default = [] if several else one.default
    name = "--ratio" if one.name == "ratios" else one.option
    option = typer.Option(name, help=one.help, show_default=bool(default))
    return inspect.Parameter(
        one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


def _ratio(text: str) -> tuple[str, float]:
    pattern, _, share = text.rpartition("=")
    try:
        return pattern, float(share)
    except ValueError:
        raise InputError(f"--ratio is '{text}'.", "PATTERN=SHARE is expected, as conv*=0.3.") from None
