"""The recipe's fields as command line options, so that there is one list of settings."""

import copy
import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from edgeprune.errors import InputError
from edgeprune.keywords import meant
from edgeprune.recipe import SETTINGS
from edgeprune.recipe.setting import MOST, Setting

_MODEL = "A trained Keras model, or zoo:NAME. Default: the zoo model of --task."
_DATA = (
    "Samples: a folder with one sub-folder per class, .npz, .npy, .csv, .json, .jsonl, .parquet, keras:NAME, "
    "tfds:NAME or package.module:function."
)
_RECIPE = "TOML file with these options. Options on the command line win."
METRIC = "Your own metric, package.module:function, computed here from the outputs that devices send back."
ModelName = Annotated[str | None, typer.Argument(help=_MODEL)]
DataName = Annotated[str | None, Option(help=_DATA)]
RecipeFile = Annotated[Path | None, Option("--recipe", help=_RECIPE)]
CustomObjects = Annotated[str, Option(help="package.module with your own layers, losses and metrics.")]
TrustModel = Annotated[bool, Option("--trust-model", help="Allow code inside the model file to run.")]


# By the question that they answer; after the bar what `--help` leaves to `--help-all`.
_PANELS = {
    "Trials": "trials vary objective workers | ray storage study stop_early",
    "Model and data": "data task preprocess label | features drop missing channels letterbox skip_bad_files "
    "steps custom_objects trust_model recipe_file",
    "How much to remove": "prune max_drop | unit threshold ratios",
    "Limits in place of --prune": "max_latency max_size max_memory max_macs device explain",
    "What to remove": "protect | criterion allocation method max_vocabulary min_width round_to schedule "
    "rounds calibration",
    "Training": "epochs learning_rate | batch_size gradual_epochs rate_schedule weight_decay l1 l2 distill "
    "loss early_stopping least_steps freeze precision class_weights folds distribute seed",
    "Quantization": "quantize | prefer qat clusters max_quantization_drop allow_flex embed_frontend io "
    "keep_candidates integer_only streaming",
    "Measuring": " | metric runner python library native_runner benchmark_model threads eval_samples",
    "Output": "out json silent verbose force write_recipe | resume",
}
_PLACE = {
    name: (panel, rare)
    for panel, text in _PANELS.items()
    for rare, names in enumerate(text.split("|"))
    for name in names.split()
}


def panel_of(name: str) -> str:
    """The panel of an option; empty where none lists it."""
    return _PLACE.get(name, ("", 0))[0]


class Command(typer.core.TyperCommand):
    """A command that shows brackets in its help as they are, and knows which option a typo means."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads what was typed; an unknown option gets the nearest, or what other tools' word means here."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if hasattr(error, "possibilities") and hasattr(error, "option_name"):  # no such option
                told = self._unknown(str(error.option_name))
                error.message, error.possibilities = told, None  # type: ignore[attr-defined]
            raise

    def _unknown(self, name: str) -> str:
        words = [word for one in self.params for word in (*one.opts, *one.secondary_opts)]
        typed = {word.lstrip("-").replace("-", "_"): word for word in words if word.startswith("-")}
        near = meant(name.lstrip("-"), typed)
        way_out = "--help-all" if isinstance(self, LongCommand) else "--help"
        hint = f"Did you mean {typed[near]}?" if near else f"{way_out} lists all options."
        return f"There is no option {name}. {hint}"

    def format_help(self, context: object, formatter: object) -> None:
        """Prints the help."""
        described = [(one, one.help) for one in self.params if isinstance(one, typer.core.TyperOption)]
        for one, text in described:
            one.help = text and text.replace("[", "\\[")
        try:
            super().format_help(context, formatter)  # type: ignore[arg-type]
        finally:
            for one, text in described:
                one.help = text


class LongCommand(Command):
    """A command with so many options that `--help` shows those that most people need."""

    def format_help(self, context: object, formatter: object) -> None:
        """Prints the help, without the rare options."""
        options = [one for one in self.params if isinstance(one, typer.core.TyperOption)]
        rare = [one for one in options if _PLACE.get(one.name or "", ("", 0))[1]]
        for one in rare:
            one.hidden = True
        try:
            super().format_help(context, formatter)
        finally:
            for one in rare:  # the shell completes them all the same
                one.hidden = False

    def format_long_help(self, context: typer.Context) -> None:
        """Prints the help with every option."""
        super().format_help(context, context.make_formatter())


def _help_all(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing and isinstance(context.command, LongCommand):
        context.command.format_long_help(context)
        raise typer.Exit


HelpAll = Annotated[
    bool, Option("--help-all", help="Show every option and exit.", is_eager=True, callback=_help_all)
]


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
    """Give a command, as ``**settings``, an option for each field of the recipe but those in `without`.

    Options stand in the order of the panels.
    """
    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    own = [one for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [_option(one) for name, one in SETTINGS.items() if name not in without]
    everything = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *options)]
    everything.sort(key=lambda one: list(_PLACE).index(one.name) if one.name in _PLACE else -1)
    everything = [_in_panel(one) for one in everything]
    command.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in everything}
    return command


def _in_panel(one: inspect.Parameter) -> inspect.Parameter:
    """The parameter with its panel; several commands share one description of an option."""
    described = getattr(one.annotation, "__metadata__", ())
    if not described or not isinstance(described[0], typer.models.OptionInfo) or not panel_of(one.name):
        return one
    option = copy.copy(described[0])
    option.rich_help_panel = panel_of(one.name)
    return one.replace(annotation=Annotated[one.annotation.__origin__, option])


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
    pattern, _, ratio = text.rpartition("=")
    try:
        return pattern, float(ratio)
    except ValueError:
        raise InputError(f"--ratio is '{text}'.", "PATTERN=RATIO is expected, such as conv*=0.3.") from None
