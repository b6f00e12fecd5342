"""A sweep from beginning to end: check, train the baseline once, keep the workers busy until all is done."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError, VerificationError
from edgeprune.pipeline.fingerprint import fingerprint
from edgeprune.pipeline.zoo import is_zoo, with_defaults
from edgeprune.recipe import recipe
from edgeprune.sweep.apart import run_apart
from edgeprune.sweep.board import Board
from edgeprune.sweep.front import OBJECTIVES, Front
from edgeprune.sweep.running import Running
from edgeprune.sweep.space import DEFAULT_SPACE, Space
from edgeprune.sweep.storage import masked, open_study, reachable, require
from edgeprune.sweep.study import Study
from edgeprune.sweep.workers import require_ray, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.sweep.board import Standing
    from edgeprune.sweep.workers import Job

_OWNER = "sweep.json"


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What to search, and with what.

    Attributes:
        model: path of a trained model; ``zoo:NAME``, or None for the task's default, for the zoo's.
        data: see ``build --data``.
        space: what is varied.
        fixed: other fields of the recipe.
        objectives: out of `edgeprune.sweep.front.OBJECTIVES`.
        trials: builds in all, where the space has so many.
        storage: Optuna's URL; None for a file in the output folder.
        name: of the sweep in the storage.
        at_once: builds at the same time; None for one here, or one for each core of the cluster.
        ray: see `edgeprune.sweep.workers`.
        devices: a pool; each trial is measured on a free one.
        python: of the devices.
        stop_hopeless: whether trials that others are far ahead of end early.
    """

    model: str | None = None
    data: str | None = None
    space: Space = DEFAULT_SPACE
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    objectives: Sequence[str] = tuple(OBJECTIVES)
    trials: int = 24
    storage: str | None = None
    name: str = "edgeprune"
    at_once: int | None = None
    ray: str | None = None
    devices: Sequence[str] = ("local",)
    custom_objects: str = ""
    trust_model: bool = False
    python: str | None = None
    stop_hopeless: bool = True


def sweep(
    what: Sweep,
    out: Path | str,
    *,
    show: Callable[[Standing], None] = lambda _: None,
    job: Job = run_apart,
) -> Front:
    """Runs what is left of a sweep; the bundles of its front are ``out/trial-NUMBER``.

    Args:
        what: the sweep.
        out: folder.
        show: told twice a second how it stands.
        job: what a worker does with an assignment.

    Raises:
        InputError: Optuna or Ray is missing, or settings, model, data, folder or storage are not fit, said
            before anything is trained.
        VerificationError: no trial gave a model.
        DeviceError: no device is left; what is done is kept, the same call goes on.
    """
    _check(what)
    known = with_defaults(what.model, what.fixed).items()
    what = dataclasses.replace(what, fixed={name: v for name, v in known if name not in what.space.values})
    if what.ray is not None:
        require_ray()
    made_of = _made_of(what)
    folder = Path(out).resolve()
    storage = what.storage or f"sqlite:///{folder / 'sweep.db'}"
    require("optuna")
    ours = {"study": what.name, "storage": "sweep.db" if what.storage is None else masked(storage)}
    _check_owner(folder, ours)
    seed = recipe(**what.fixed).seed
    with reachable(storage):
        kept = open_study(storage, what.name, what.objectives, seed)
        (folder / _OWNER).write_text(json.dumps(ours), encoding="utf-8")
        study = Study(kept, what.space, what.fixed, what.objectives, what.trials, seed, made_of)
        board = Board(study.trials)
        board.results(study.results())
        if study.refill() or study.running():
            with workers(what.ray, job) as crew:
                Running(what, folder, study, board, crew, made_of).all(show)
        show(board.look())
        found = study.results()
    if all(one.error for one in found):
        raise VerificationError(f"None of the {len(found)} trials gave a model.", way_out=found[0].error)
    return Front(tuple(what.objectives), found, tuple(board.look().notes))


def _check(what: Sweep) -> None:
    unknown = [name for name in what.objectives if name not in OBJECTIVES]
    if unknown or not what.objectives or len(set(what.objectives)) < len(what.objectives):
        raise InputError(
            f"The objectives are {', '.join(what.objectives) or 'none'}.",
            f"Expected are some of {', '.join(OBJECTIVES)}, each once.",
        )
    if what.trials < 1 or (what.at_once is not None and what.at_once < 1):
        raise InputError(f"{what.trials} trials, {what.at_once} at once.", "1 or more of both is expected.")
    both = sorted(set(what.fixed) & set(what.space.values))
    if both:
        raise InputError(f"{', '.join(both)} is both varied and fixed.", "One of the two.")
    if what.model is not None and not is_zoo(what.model) and not Path(what.model).exists():
        raise InputError(f"There is no model {what.model}.", "A trained Keras model.", "Check the path.")


def _made_of(what: Sweep) -> dict[str, str]:
    """Hashes of what trials have in common, apart from settings."""
    parts = fingerprint(what.model, what.data, what.custom_objects, recipe(**what.fixed))
    return {name: value for name, value in parts.items() if name != "recipe"}


def _check_owner(folder: Path, ours: Mapping[str, str]) -> None:
    """Makes the folder, or says that it is another sweep's.

    Raises:
        InputError: it cannot be made, or holds the bundles of another sweep.
    """
    mark = folder / _OWNER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        theirs = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else ours
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The sweep's folder {folder} cannot be used ({error}).", "A folder that can be written.",
            "Choose another --out.",
        ) from error
    if theirs != ours:
        raise InputError(
            f"{folder} holds the bundles of the sweep '{theirs.get('study')}' in {theirs.get('storage')}.",
            f"This one is '{ours['study']}' in {ours['storage']}.", "Choose another --out.",
        )
