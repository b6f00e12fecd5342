"""A sweep from beginning to end: check, train the baseline once, keep the workers busy until all is done."""

import dataclasses
import errno
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from edgeprune import jsonable
from edgeprune.errors import InputError, VerificationError, shown
from edgeprune.pipeline.fingerprint import fingerprint
from edgeprune.pipeline.places import check_places
from edgeprune.pipeline.zoo import is_zoo, with_defaults
from edgeprune.recipe import recipe
from edgeprune.sweep.front import Front
from edgeprune.sweep.optional_packages import quiet_packages
from edgeprune.sweep.settings import Sweep
from edgeprune.sweep.status_board import StatusBoard, SweepStatus
from edgeprune.sweep.storage import explained_errors, masked, open_study
from edgeprune.sweep.study import SweepStudy
from edgeprune.sweep.subprocess_trial import run_in_subprocess
from edgeprune.sweep.worker_loop import WorkerLoop
from edgeprune.sweep.workers import TrialRunner, worker_pool

_OWNER = "sweep.json"
_OWN_FILES = ("sweep.", "samples.npz", ".")


def sweep(
    what: Sweep, out: Path | str, *, show: Callable[[SweepStatus], None] = lambda _: None,
    runner: TrialRunner = run_in_subprocess,
) -> Front:  # fmt: skip
    """Runs what is left of a sweep; the bundles of its front are ``out/trial-NUMBER``.

    `show` is told the status twice a second; `runner` is what a worker does with an assignment.

    Raises:
        InputError: Optuna or Ray is missing, or settings, model, data, folder or storage are not fit; raised
            before anything is trained.
        VerificationError: no trial gave a model.
        DeviceError: no device is left; what is done is kept, the same call goes on.
    """
    what.check()
    defaults = with_defaults(what.model, what.fixed).items()
    fixed = {name: value for name, value in defaults if name not in what.space.values}
    what = dataclasses.replace(what, fixed=fixed)
    folder = Path(out).resolve()
    what = dataclasses.replace(what, data=in_a_file(what, folder))
    with quiet_packages(ray=what.ray is not None):
        return _run(what, folder, show, runner)


def in_a_file(what: Sweep, folder: Path) -> str | None:
    """Where the workers find the data."""
    if what.data is None or isinstance(what.data, (str, Path)):
        return None if what.data is None else str(what.data)
    from edgeprune.data.containers import ContainerReader
    from edgeprune.data.model_signature import signature_of
    from edgeprune.data.saved import save_given
    from edgeprune.keras_bridge.load import load_model, objects_of

    signature = None
    if what.model is not None and not is_zoo(what.model):
        objects = objects_of(what.custom_objects)
        signature = signature_of(load_model(what.model, trust=what.trust_model, custom_objects=objects))
    steps = recipe(**what.fixed).data.steps
    path = folder / "samples.npz"
    save_given(what.data, path, ContainerReader("The data in memory", signature, steps))
    return str(path)


def _run(what: Sweep, folder: Path, show: Callable[[SweepStatus], None], runner: TrialRunner) -> Front:
    settings = recipe(**what.fixed)
    # What trials have in common, apart from settings.
    data = None if what.data is None else str(what.data)
    parts = fingerprint(what.model, data, what.custom_objects, settings)
    made_of = {name: value for name, value in parts.items() if name != "recipe"}
    storage = what.storage or f"sqlite:///{folder / 'sweep.db'}"
    owner = {"study": what.name, "storage": "sweep.db" if what.storage is None else masked(storage)}
    _check_owner(folder, owner)
    with explained_errors(storage):
        database = open_study(storage, what.name, what.objectives, settings.seed)
        (folder / _OWNER).write_text(json.dumps(owner), encoding="utf-8")
        study = SweepStudy(database, what, settings.seed, made_of)
        board = StatusBoard(study.trials)
        board.finish(study.results())
        if study.refill() or study.running():
            with worker_pool(what.ray, runner) as workers:
                WorkerLoop(what, folder, study, board, workers, made_of).run(show)
        show(board.status())
        found = study.results()
    if all(one.error for one in found):
        raise VerificationError(f"None of the {len(found)} trials gave a model.", way_out=found[0].error)
    return Front(tuple(what.objectives), found, tuple(board.status().notes))


def _check_owner(folder: Path, ours: Mapping[str, str]) -> None:
    """Makes the folder, or refuses it as another sweep's."""
    mark = folder / _OWNER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        theirs = _owner_of(mark) if mark.exists() else ours
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        found = f"The sweep's folder {folder} cannot be used ({error})."
        raise InputError(found, "A folder that can be written.", "Choose another --out.") from error
    foreign = [] if mark.exists() else [
        one.name for one in sorted(folder.iterdir()) if not one.name.startswith(_OWN_FILES)
    ]
    if foreign:
        raise InputError(
            f"{folder} holds {shown(foreign[0])}, which does not belong to a sweep.",
            "A new folder, an empty one or an earlier sweep's is expected.", "Choose another --out.",
        )
    check_places(folder / _OWNER)
    if theirs != ours:
        raise InputError(
            f"{folder} holds the bundles of the sweep '{theirs.get('study')}' in {theirs.get('storage')}.",
            f"This one is '{ours['study']}' in {ours['storage']}.", "Choose another --out.",
        )


def _owner_of(mark: Path) -> dict[str, str]:
    """What the file in a sweep's folder says of it."""
    return jsonable.decode(dict[str, str], jsonable.parse_file(mark), str(mark))
