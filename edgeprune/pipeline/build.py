"""`build`: calls the stages in order. It holds no algorithm of its own.

model + data -> Baseline -> PrunedModel -> TunedModel -> DeployedModel -> Measurements -> Bundle
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from device_runners.options import BenchOptions
from edgeprune.bundle import Bundle, check_out_dir, read_bundle, write_bundle
from edgeprune.data.decisions import Announce, decided, unheard
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.install_source import install_command
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.fingerprint import fingerprint, key_of
from edgeprune.pipeline.places import check_places
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.store import ArtifactStore
from edgeprune.pipeline.zoo import PREFIX
from edgeprune.progress import GivenUpError, Progress, Watch, silent
from edgeprune.recipe import Recipe
from edgeprune.report.schema import SPEED, WarningReport

if TYPE_CHECKING:  # its module needs packages of the extra [host], whose absence `require_host` explains
    from edgeprune.pipeline.artifacts import Baseline

__all__ = ["BuildOutcome", "Source", "check", "require_host", "run"]

_CONTINUED = "This build continues an interrupted one, whose finished stages are taken over"
_KEPT = "What this build had finished is kept for a month: the same command continues from there."
HOST_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert")


@dataclasses.dataclass(frozen=True)
class BuildOutcome:
    """A bundle, and whether it had been there already."""

    bundle: Bundle
    unchanged: bool = False


def run(
    source: Source, recipe: Recipe, out: Path | str, *, command: str = "", progress: Progress = silent,
    force: bool = False, resume: bool = True, tools: BenchOptions | None = None, watch: Watch | None = None,
    announce: Announce = unheard,
) -> BuildOutcome:
    """Makes a bundle; does nothing where the folder already holds what would come out.

    Args:
        out: folder to write; replaced as a whole, at the very end.
        command: what the user typed, for the manifest.
        force: build even so.
        resume: go on where an interrupted build of the same inputs stopped.
        watch: told how the model does while it is trained; may end the build.
        announce: told what was decided about model and data, before training.

    Raises:
        InputError: settings, model, data or folder are not fit; raised before anything is trained.
        VerificationError: the smaller or the converted model computes something else, or a budget cannot
            be met.
        DeviceError: the device of a budget refused, failed or went away; what was done is kept.
    """
    require_host()
    folder = check_out_dir(Path(out))
    progress("open", 0.0)
    parts = _fingerprint(source, recipe)
    if parts and not force and (there := _unchanged(folder, parts)):
        return BuildOutcome(there, unchanged=True)
    check_places(folder)
    key = key_of(parts) if parts and recipe.train.distribute != "multi-worker" else None
    store = ArtifactStore.of_build(key, source.load, resume=resume)
    context = dataclasses.replace(
        _context(source, recipe, store, progress, tools, watch), announce=announce
    )
    if store.note:
        context.warn(store.note)
    if store.names():
        told = f"{_CONTINUED}: {', '.join(store.names())}. --no-resume starts afresh."
        context.notes.append(told)
        context.announce(decided("resumed", [told]))
    from edgeprune.training.environment import deterministic

    try:
        with deterministic(recipe.seed, recipe.train.distribute) as strategy:
            bundle = _built(recipe, dataclasses.replace(context, strategy=strategy), folder, command, parts)
    except GivenUpError:
        store.clear()
        raise
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_KEPT if store.holds_something() else "") from error
    store.clear()
    return BuildOutcome(bundle)


def check(
    source: Source, recipe: Recipe, progress: Progress = silent, *, trained: Path | None = None
) -> None:
    """Opens model and data as `run` does, and builds nothing.

    Args:
        trained: file for the zoo's model, trained, which other builds can start from; see `Source`.

    Raises:
        InputError: settings, model or data are not fit.
    """
    from edgeprune.keras_bridge.load import saved_bytes
    from edgeprune.training.environment import deterministic

    require_host()
    context = _context(source, recipe, ArtifactStore(None, source.load), progress, None, None)
    with deterministic(recipe.seed, recipe.train.distribute) as strategy:
        baseline = _opened(recipe, dataclasses.replace(context, strategy=strategy))
        if trained is not None and baseline.entry is not None:
            trained.parent.mkdir(parents=True, exist_ok=True)
            trained.write_bytes(saved_bytes(baseline.original.model))


def _context(
    source: Source, recipe: Recipe, store: ArtifactStore, progress: Progress, tools: BenchOptions | None,
    watch: Watch | None,
) -> BuildContext:
    from device_runners.options import DEFAULT_OPTIONS

    options = dataclasses.replace(tools or DEFAULT_OPTIONS, threads=recipe.measure.threads)
    return BuildContext(source, store, progress, options, recipe.seed, watch=watch)


def _opened(recipe: Recipe, context: BuildContext) -> Baseline:
    from edgeprune.pipeline.baseline import open_baseline
    from edgeprune.pipeline.checks import check_settings
    from edgeprune.pipeline.vocabulary import with_smaller_vocabulary

    baseline = open_baseline(recipe, context)
    check_settings(baseline, recipe)
    baseline = with_smaller_vocabulary(baseline, recipe.prune, recipe.seed)
    context.announce(baseline.data.decisions)
    return baseline


def _built(
    recipe: Recipe, context: BuildContext, folder: Path, command: str, parts: dict[str, str]
) -> Bundle:
    from edgeprune.pipeline import document
    from edgeprune.pipeline.artifacts import DeployedModel, TunedModel
    from edgeprune.pipeline.cross_validation import cross_validate
    from edgeprune.pipeline.deploy import deploy, float_baseline
    from edgeprune.pipeline.measure import measure, slower
    from edgeprune.pipeline.strategies import tuned_model
    from edgeprune.pipeline.within_budget import reach_device, within_budget

    if recipe.budget.limited:
        reach_device(recipe, context)
    baseline = _opened(recipe, context)
    original = float_baseline(baseline.original, recipe.quantize, context)
    folds = cross_validate(baseline, recipe, context)
    if recipe.budget.limited:
        tuned, deployed = within_budget(baseline, original, recipe, context)
    else:
        tuned = context.made("tuned", TunedModel, lambda: tuned_model(baseline, recipe, context))
        deployed = context.made(
            "deployed", DeployedModel,
            lambda: deploy(baseline, tuned, original, recipe.quantize, recipe.train, context),
        )
    files = document.bundle_files(baseline, deployed, recipe)
    manifest = document.manifest(baseline, deployed, recipe, command, parts)
    device = recipe.budget.device or "local"
    measured = measure(deployed, device, manifest, files, context)
    latencies = {stage: record.latency.p50_ms for stage, record in measured.records.items()}
    for text in slower(latencies, recipe.quantize.scheme):
        context.warnings.append(WarningReport(text, SPEED))
    report = document.report(baseline, tuned, deployed, measured, folds, recipe, context)
    if not _is_chief() and recipe.train.distribute == "multi-worker":
        # The chief writes the output folder, sooner or later; what this worker shows is its own copy.
        folder = Path(tempfile.mkdtemp(prefix="edgeprune-worker-")) / folder.name
    return write_bundle(folder, manifest, {**files, "report.json": report})


def require_host() -> None:
    """Says how to install what a build needs.

    Raises:
        InputError: a package of the extra ``[host]`` is missing.
    """
    missing = [name for name in HOST_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"Building needs {', '.join(missing)}, which is not installed.",
            way_out=f"Install it with: {install_command('host')}",
        )


def _fingerprint(source: Source, recipe: Recipe) -> dict[str, str]:
    """Hashes of all inputs; empty where model or data are objects in memory."""
    model, data = source.model, source.data
    if source.metric is not None or source.loss is not None or not isinstance(source.custom_objects, str):
        return {}
    if not isinstance(model, (str, Path, type(None))) or not isinstance(data, (str, Path, type(None))):
        return {}
    if model is not None and not str(model).startswith(PREFIX) and not Path(model).exists():
        return {}  # opening it tells
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


def _is_chief() -> bool:
    """Whether this process writes: in multi-worker training one does for all."""
    task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    return task.get("type", "worker") in ("chief", "worker") and int(task.get("index", 0)) == 0
