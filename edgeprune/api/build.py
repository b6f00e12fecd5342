"""`edgeprune.build`: every setting of a recipe is a keyword, with the name and the default of the option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from device_runners.options import BenchOptions
from edgeprune.api.bench import OwnFunction, Runner, options_of
from edgeprune.api.notebook import Listener, showing
from edgeprune.api.settings_help import settings_help
from edgeprune.bundle import Bundle
from edgeprune.keras_types import KerasModel
from edgeprune.keywords import declares
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.zoo import with_defaults
from edgeprune.recipe import recipe as recipe_of
from edgeprune.recipe import sections as kinds
from edgeprune.recipe.file import read_recipe
from edgeprune.recipe.schema import Task

_TOOLS = ("runner", "python", "library", "native_runner", "benchmark_model")


def _build(
    model: KerasModel | Path | str | None = None, data: object = None, *, out: Path | str | None = None,
    recipe: Path | str | None = None, custom_objects: Mapping[str, object] | str | None = None,
    trust_model: bool = False, metric: OwnFunction | str | None = None, loss: object = None,
    force: bool = False, resume: bool = True, progress: Listener = None,
    options: BenchOptions | None = None, **given: Any,
) -> Bundle:
    from edgeprune.pipeline.build import run

    tools = options_of(options, {name: given.pop(name) for name in _TOOLS if name in given})
    settings, places = read_recipe(Path(recipe)) if recipe is not None else ({}, {})
    model = places.get("model") if model is None else model
    data = places.get("data") if data is None else data
    objects = custom_objects or places.get("custom_objects", "")
    settings |= given
    if isinstance(metric, str):
        settings["metric"], metric = metric, None
    if isinstance(loss, str) or (isinstance(loss, (list, tuple)) and all(map(_is_text, loss))):
        settings["loss"], loss = loss, None
    source = Source(model, data, objects, trust_model, force=force, metric=metric, loss=loss)
    asked = recipe_of(**with_defaults(model, settings))
    folder = out or places.get("out") or "build/edgeprune"
    with showing(progress) as (tell, announce):
        done = run(
            source, asked, folder, progress=tell, force=force, resume=resume and not force, tools=tools,
            announce=announce,
        )
    return done.bundle


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@settings_help
@declares(_build, tools="options")
def build(
    model: KerasModel | Path | str | None = None, data: object = None, *, out: Path | str = "build/edgeprune",
    recipe: Path | str | None = None, custom_objects: Mapping[str, object] | str | None = None,
    trust_model: bool = False, force: bool = False, resume: bool = True, progress: Listener = None,
    options: BenchOptions | None = None, runner: Runner = "python", python: str | None = None,
    library: Path | str | None = None, native_runner: Path | str | None = None,
    benchmark_model: Path | str | None = None, task: Task = "vision", skip_bad_files: bool = False,
    preprocess: kinds.Preprocess = "auto", channels: kinds.ChannelOrder = "auto",
    letterbox: int | None = None, label: str | Sequence[str] = (), features: str | Sequence[str] = (),
    drop: str | Sequence[str] = (), missing: kinds.Missing = "refuse", steps: int | None = None,
    prune: float = 0.5, unit: kinds.Unit = "neurons", method: kinds.Method = "structural",
    threshold: float | None = None, criterion: kinds.Criterion = "reconstruction",
    allocation: kinds.Allocation = "global", protect: str | Sequence[str] = (),
    ratios: Mapping[str, float] | None = None, min_width: int = 2, round_to: int = 8,
    schedule: kinds.Schedule = "gradual", rounds: int = 3, calibration: int = 512,
    max_vocabulary: int | None = None, max_drop: float | None = None, max_latency: str | None = None,
    max_memory: str | None = None, max_size: str | None = None, max_macs: str | float | None = None,
    device: str | None = None, gradual_epochs: int = 1, epochs: int = 2, least_steps: int = 500,
    batch_size: int = 128, learning_rate: float | None = None, rate_schedule: kinds.RateSchedule = "cosine",
    weight_decay: float = 1e-4, l1: float = 0.0, l2: float = 0.0, distill: float = 0.7, loss: object = (),
    early_stopping: int = 0, freeze: str | Sequence[str] = (), precision: kinds.Precision = "float32",
    class_weights: kinds.ClassWeights = "none", folds: int = 0, distribute: kinds.Distribution = "none",
    quantize: kinds.Quantization = "int8", qat: bool = False, clusters: int = 0,
    max_quantization_drop: float = 0.5, allow_flex: bool = False, embed_frontend: bool = False,
    io: kinds.TensorKind = "float", prefer: kinds.Preference = "both", keep_candidates: bool = False,
    integer_only: bool = False, streaming: bool = False, metric: OwnFunction | str | None = None,
    eval_samples: int = 500, threads: int = 1, seed: int = 0,
) -> Bundle:
    """Makes a bundle: a pruned, fine-tuned, quantized and measured model.

    >>> bundle = edgeprune.build("mine.keras", "mine.npz", prune=0.5, epochs=1, out="build/mine")
    >>> edgeprune.read_report(bundle).removed.neurons
    0.5

    Args:
        model: a trained Keras model or its file; ``zoo:NAME`` trains that model of the zoo, None the task's.
        data: ``(x, y)``, a dictionary of arrays, a dataset, a generator, data frames, an array without
            labels, or where it is, as ``--data`` takes it. None: the zoo's own.
        out: folder to write. It is replaced as a whole, at the very end.
        recipe: TOML file with settings. Keywords win over it.
        custom_objects: your own layers, losses and metrics by name, or the module that holds them.
        trust_model: allow code inside the model file to run.
        force: build even if nothing changed, or the original does no better than a constant answer.
        resume: continue an interrupted build of the same inputs.
        progress: True shows how far it is, False is silent, a function is told; None shows it in notebooks.
            While a model is quantized the name of the stage tells the candidate: ``convert: int8 (1 of 2)``.
        options: how to measure, in one value; keywords win.
        runner: the program that measures on `device`.
        python: Python on the device, such as that of a venv.
        library: LiteRT library for the native runner.
        native_runner: edgeprune_runner, built for the device.
        benchmark_model: Google's prebuilt benchmark_model.
        ratios: ratio to remove from single layers, by name pattern: ``{"conv*": 0.3}``.

    Raises:
        InputError: settings, model, data or folder cannot be used; raised before anything is trained.
        VerificationError: the smaller model computes something else, or a limit cannot be met.
        DeviceError: the device refused, failed or went away; what was done is kept.
    """
    raise NotImplementedError  # `_build` is called
