"""`build`: calls the stages in order. It holds no algorithm of its own.

model + data + recipe → prune → strip → fine-tune → quantize → verify → measure → bundle
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.bundle import Bundle, check_out_dir, read_bundle
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.pipeline.fingerprint import fingerprint, key_of
from edgeprune.pipeline.job import Job, Source
from edgeprune.pipeline.state import State
from edgeprune.pipeline.zoo import PREFIX, with_defaults
from edgeprune.progress import GivenUpError, Progress, Watch, silent
from edgeprune.recipe import Recipe
from edgeprune.recipe import recipe as make_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from device_runners.options import BenchOptions
    from edgeprune.data.dataset import Dataset
    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.training import Trained

__all__ = ["Done", "Source", "build", "is_chief", "require_host", "run"]

HOST_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert")


@dataclasses.dataclass(frozen=True)
class Done:
    """A bundle, and whether it had been there already."""

    bundle: Bundle
    unchanged: bool = False


def build(
    model: Any = None,
    data: Dataset | Path | str | None = None,
    *,
    out: Path | str = "build/edgeprune",
    custom_objects: str = "",
    trust_model: bool = False,
    progress: Progress = silent,
    tools: BenchOptions | None = None,
    **settings: Any,
) -> Bundle:
    """Makes a bundle: a pruned, fine-tuned, quantized and measured model.

    Args:
        model: a trained Keras model or the path of one; ``zoo:NAME`` trains that model of the zoo, None
            the task's default.
        data: what to train and measure on, or where it is (see ``--data``); None for the zoo's own.
        out: folder to write; replaced as a whole, at the very end.
        custom_objects: module with the model's own layers, losses and metrics.
        trust_model: whether code in the model's file may run.
        progress: told each stage's name and its share done.
        tools: how the device of a budget is reached: its Python, or a runner without Python.
        settings: fields of `edgeprune.recipe.Recipe`, as ``prune=0.5`` or ``max_latency="5ms"``.

    Raises:
        InputError: settings, model, data or folder are not fit, said before anything is trained.
        VerificationError: the stripped or the converted model computes something else, or a budget cannot
            be met.
        DeviceError: the device of a budget refused, failed or went away; what was done is kept.
    """
    source = Source(model, data, custom_objects, trust_model)
    recipe = make_recipe(**with_defaults(model, settings))
    return run(source, recipe, out, progress=progress, tools=tools).bundle


def run(
    source: Source,
    recipe: Recipe,
    out: Path | str,
    *,
    command: str = "",
    progress: Progress = silent,
    force: bool = False,
    resume: bool = True,
    tools: BenchOptions | None = None,
    watch: Watch | None = None,
) -> Done:
    """Builds, unless the folder already holds what would come out.

    Args:
        source: model and data.
        recipe: all settings.
        out: folder to write; replaced as a whole, at the very end.
        command: what the user typed, for the manifest.
        progress: told each stage's name and its share done.
        force: build even so.
        resume: go on where an interrupted build of the same inputs stopped.
        tools: how the device of a budget is reached.
        watch: told how the model does while it is trained; may end the build.

    Raises:
        InputError: settings, model, data or folder are not fit, said before anything is trained.
        VerificationError: the stripped or the converted model computes something else, or a budget cannot
            be met.
        DeviceError: the device of a budget refused, failed or went away; what was done is kept.
    """
    require_host()
    folder = check_out_dir(Path(out))
    parts = _fingerprint(source, recipe)
    if parts and not force and (there := _unchanged(folder, parts)):
        return Done(there, unchanged=True)
    state = State(key_of(parts) if parts and recipe.distribute != "multi-worker" else None, resume=resume)
    job = Job(recipe, source, state, progress, tools, watch=watch)
    if state.stages():
        job.notes.append(f"Went on after {', '.join(state.stages())} of an interrupted build.")
    try:
        with quietly(recipe) as strategy:
            bundle = _built(dataclasses.replace(job, strategy=strategy), folder, command, parts)
    except GivenUpError:
        state.clear()
        raise
    state.clear()
    return Done(bundle)


def _built(job: Job, folder: Path, command: str, parts: dict[str, str]) -> Bundle:
    from edgeprune.pipeline.inputs import open_inputs
    from edgeprune.pipeline.measuring import Built, measure_and_write
    from edgeprune.pipeline.quantizing import deployed, float_baseline
    from edgeprune.pipeline.training import check_settings

    if job.recipe.limited:
        from edgeprune.pipeline.fitting import reach_device

        reach_device(job)
    inputs = open_inputs(job)
    check_settings(job, inputs)
    baseline = float_baseline(job, inputs)
    folds = _cross_validated(job, inputs)
    if job.recipe.limited:
        from edgeprune.pipeline.fitting import within_budget

        trained, shipped = within_budget(job, inputs, baseline)
    else:
        trained = _trained(job, inputs)
        shipped = deployed(job, inputs, trained, baseline)
    built = Built(job, inputs, trained, shipped, folds)
    return measure_and_write(built, folder, command, parts)


def _trained(job: Job, inputs: Inputs) -> Trained:
    from edgeprune.pipeline import pruning, training

    if job.recipe.max_drop is not None:
        return training.largest(job, inputs)
    if job.recipe.schedule == "iterative" and job.recipe.prune:
        return training.in_rounds(job, inputs)
    return training.trained(job, inputs, pruning.pruned(job, inputs))


def _cross_validated(job: Job, inputs: Inputs) -> tuple[float, ...]:
    from edgeprune.pipeline.folds import cross_validate

    if not job.recipe.folds:
        return ()
    # Nothing of a fold is kept: it is no stage of the build itself.
    apart = dataclasses.replace(job, state=State(None), notes=[], watch=None)
    return cross_validate(apart, inputs, _trained)


def require_host() -> None:
    """Says how to install what a build needs.

    Raises:
        InputError: a package of the extra ``[host]`` is missing.
    """
    missing = [name for name in HOST_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"Building needs {', '.join(missing)}, which is not installed.",
            way_out="Install it with: pip install 'edgeprune[host]'",
        )


@contextlib.contextmanager
def quietly(recipe: Recipe) -> Iterator[Any]:
    """Gives the recipe's `tf.distribute.Strategy`; the process is put back afterwards."""
    from edgeprune.training.environment import deterministic

    with deterministic(recipe.seed, recipe.distribute) as strategy:
        yield strategy


def _fingerprint(source: Source, recipe: Recipe) -> dict[str, str]:
    """Hashes of all inputs; empty where model or data are objects in memory."""
    model, data = source.model, source.data
    if not isinstance(model, (str, Path, type(None))) or not isinstance(data, (str, Path, type(None))):
        return {}
    if model is not None and not str(model).startswith(PREFIX) and not Path(model).exists():
        return {}  # said in words later
    baseline = source.trained or model
    return fingerprint(
        None if baseline is None else str(baseline), None if data is None else str(data),
        source.custom_objects, recipe,
    )


def _unchanged(folder: Path, parts: dict[str, str]) -> Bundle | None:
    """The bundle in `folder` if it is whole and was built from the same."""
    try:
        bundle = read_bundle(folder)
    except EdgepruneError:
        return None
    same = dict(bundle.manifest.built_from) == parts
    return bundle if same and bundle.path.joinpath("report.json").is_file() else None


def is_chief() -> bool:
    """Whether this process writes: in multi-worker training one does for all."""
    task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    return task.get("type", "worker") in ("chief", "worker") and int(task.get("index", 0)) == 0
