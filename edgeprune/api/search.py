"""`edgeprune.search`."""

from __future__ import annotations

import contextlib
import html
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from edgeprune.api.bench import several
from edgeprune.api.notebook import Listener, NotebookOutput, in_notebook
from edgeprune.api.settings_help import settings_help
from edgeprune.errors import InputError
from edgeprune.keywords import declares
from edgeprune.recipe import recipe as recipe_of
from edgeprune.recipe import sections as kinds
from edgeprune.recipe.file import read_recipe
from edgeprune.recipe.schema import Task
from edgeprune.sweep import Front, Sweep, sweep
from edgeprune.sweep.front_page import write_front
from edgeprune.sweep.settings import parse_space
from edgeprune.sweep.status_board import SweepStatus

Objective = Literal["accuracy", "latency", "size", "memory"]
Vary = Mapping[str, Sequence[object]] | Sequence[str] | str
Show = Callable[[SweepStatus], None]
_ALL: tuple[Objective, ...] = ("accuracy", "latency", "size", "memory")


def sweep_of(
    model: Path | str | None = None, data: object = None, *, trials: int = 24, vary: Vary = (),
    recipe: Path | str | None = None, objective: Objective | Sequence[Objective] = _ALL,
    device: str | Sequence[str] = "local", python: str | None = None, workers: int | None = None,
    ray: str | None = None, storage: str | None = None, study: str = "edgeprune", stop_early: bool = True,
    custom_objects: str = "", trust_model: bool = False, **given: Any,
) -> Sweep:
    """What is asked of a search, checked as far as can be done without data.

    Raises:
        InputError: a model in memory, limits, or settings that mean nothing.
    """
    fixed, places = read_recipe(Path(recipe)) if recipe is not None else ({}, {})
    fixed |= given
    if recipe_of(**fixed).budget.limited:
        raise InputError(
            "A search takes no limits.", "Its front shows what each limit would allow.",
            "Leave the limits out of the recipe file, or use `edgeprune build`.",
        )
    model = model or places.get("model")
    for name, one, needed in (("model", model, "the path of a model, or zoo:NAME,"),
                              ("custom_objects", custom_objects, "the name of a module")):
        if one is not None and not isinstance(one, (str, Path)):
            raise InputError(
                f"The {name} given to a search is of the type {type(one).__name__}.",
                f"Its builds run in processes of their own, so {needed} is expected.",
                "Save the model with model.save('mine.keras') and pass that path.",
            )
    return Sweep(
        None if model is None else str(model), places.get("data") if data is None else data,
        parse_space(_texts(vary), fixed), fixed, several(objective), trials, storage, study, workers, ray,
        several(device), custom_objects or places.get("custom_objects", ""), trust_model, python, stop_early,
    )


def _texts(vary: Vary) -> Sequence[str]:
    """``prune=0.3,0.5``, as the command line has it."""
    if isinstance(vary, Mapping):
        return [f"{name}={','.join(map(str, several(values)))}" for name, values in vary.items()]
    return several(vary)


def _search(
    model: Path | str | None = None, data: object = None, *, out: Path | str = "build/search",
    progress: Listener = None, **given: Any,
) -> Front:
    what = sweep_of(model, data, **given)
    # Ray writes whole state dumps to stdout when a machine leaves; a notebook's stream must be a stream.
    with _showing(progress) as show, contextlib.redirect_stdout(io.StringIO()):
        front = sweep(what, out, show=show)
    write_front(front, Path(out))
    return front


@contextlib.contextmanager
def _showing(asked: Listener) -> Iterator[Show]:
    if callable(asked):
        yield lambda now: asked("trials", len(now.done) / max(now.total, 1))
    elif asked is False or (asked is None and not in_notebook()):
        yield lambda _: None
    else:
        output = NotebookOutput() if in_notebook() else None
        said = [""]

        def show(now: SweepStatus) -> None:
            best, running = sum(one.optimal for one in now.done), len(now.running)
            line = f"{len(now.done)} of {now.total} trials done, {best} on the front, {running} running"
            if line == said[0]:
                return
            said[0] = line
            if output is not None:
                output.show(line, html.escape(line))
            else:
                sys.stderr.write(line + "\n")

        yield show


@settings_help
@declares(_search)
def search(
    model: Path | str | None = None, data: object = None, *, out: Path | str = "build/search",
    trials: int = 24, vary: Vary = (), recipe: Path | str | None = None,
    objective: Objective | Sequence[Objective] = _ALL, device: str | Sequence[str] = "local",
    python: str | None = None, workers: int | None = None, ray: str | None = None, storage: str | None = None,
    study: str = "edgeprune", stop_early: bool = True, custom_objects: str = "", trust_model: bool = False,
    progress: Listener = None, task: Task = "vision", preprocess: kinds.Preprocess = "auto",
    channels: kinds.ChannelOrder = "auto", letterbox: int | None = None, skip_bad_files: bool = False,
    label: str | Sequence[str] = (), features: str | Sequence[str] = (), drop: str | Sequence[str] = (),
    missing: kinds.Missing = "refuse", steps: int | None = None, prune: float = 0.5,
    unit: kinds.Unit = "neurons", method: kinds.Method = "structural", threshold: float | None = None,
    criterion: kinds.Criterion = "reconstruction", allocation: kinds.Allocation = "global",
    protect: str | Sequence[str] = (), ratios: Mapping[str, float] | None = None, min_width: int = 2,
    round_to: int = 8, schedule: kinds.Schedule = "gradual", rounds: int = 3, calibration: int = 512,
    max_vocabulary: int | None = None, max_drop: float | None = None, gradual_epochs: int = 1,
    epochs: int = 2, least_steps: int = 500, batch_size: int = 128, learning_rate: float | None = None,
    rate_schedule: kinds.RateSchedule = "cosine", weight_decay: float = 1e-4, l1: float = 0.0,
    l2: float = 0.0, distill: float = 0.7,
    loss: str | Sequence[str] = (), early_stopping: int = 0, freeze: str | Sequence[str] = (),
    precision: kinds.Precision = "float32", class_weights: kinds.ClassWeights = "none", folds: int = 0,
    distribute: kinds.Distribution = "none", quantize: kinds.Quantization = "int8", qat: bool = False,
    clusters: int = 0, max_quantization_drop: float = 0.5, allow_flex: bool = False,
    embed_frontend: bool = False, io: kinds.TensorKind = "float", prefer: kinds.Preference = "both",
    keep_candidates: bool = False, integer_only: bool = False, streaming: bool = False,
    metric: str | None = None, eval_samples: int = 500, threads: int = 1, seed: int = 0,
) -> Front:
    """Builds many variants and keeps those that no other one beats. The same call goes on after a crash.

    >>> front = edgeprune.search("mine.keras", "mine.npz", trials=2, vary={"prune": [0.3, 0.6]}, epochs=1)
    >>> 1 <= len(front.optimal) <= 2
    True

    Args:
        model: the file of a trained Keras model, ``zoo:NAME``, or None for the task's.
        data: samples as `build` takes them.
        out: folder of the best builds, front.json and front.html.
        trials: number of builds. A larger number later goes on.
        vary: values of settings to try, such as ``{"prune": [0.3, 0.5]}``. Default: the usual ones.
        recipe: TOML file with settings. Keywords win over it.
        objective: what counts: accuracy, latency, size, memory.
        device: the device that measures; several equal ones share the work.
        python: Python on the devices, such as that of a venv.
        workers: builds at the same time. Default: 1, or all cores of the cluster.
        ray: ``auto`` or HOST:PORT of a Ray cluster. Default: processes on this machine.
        storage: ``sqlite:///FILE`` or ``postgresql://…``, which several processes may share.
        study: name of the search in the storage.
        stop_early: stop builds that others are far ahead of.
        custom_objects: the module that holds your own layers, losses and metrics.
        trust_model: allow code inside the model file to run.
        ratios: ratio to remove from single layers, by name pattern: ``{"conv*": 0.3}``.
        progress: True shows how far it is, False is silent, a function is told; None shows it in notebooks.

    Raises:
        InputError: settings, model, data, folder or storage cannot be used.
        VerificationError: no trial gave a model.
        DeviceError: no device is left; what is done is kept, and the same call goes on.
    """
    raise NotImplementedError  # `_search` is called
