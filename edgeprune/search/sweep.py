"""A sweep from beginning to end: check, train the baseline once, keep the workers busy until all is done."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import platform
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.fingerprint import fingerprint
from edgeprune.recipe import recipe
from edgeprune.search.apart import WorkerLostError, run_apart
from edgeprune.search.board import Board
from edgeprune.search.devices import Pool
from edgeprune.search.front import OBJECTIVES, Front
from edgeprune.search.space import DEFAULT_SPACE, Settings, Space
from edgeprune.search.storage import masked, open_study, reachable, require
from edgeprune.search.study import ATTEMPTS, Study
from edgeprune.search.trial import BASELINE, CHECK, Assignment, Outcome
from edgeprune.search.workers import workers
from edgeprune.zoo import is_zoo, with_defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.search.board import Standing
    from edgeprune.search.workers import Job, Workers

_POLL_S = 0.5
_ELSEWHERE_S = 2.0
_OWNER = "sweep.json"


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What to search, and with what.

    Attributes:
        model: path of a trained model; ``zoo:NAME``, or None for the task's default, for the zoo's.
        data: see ``build --data``.
        space: what is varied.
        fixed: other fields of the recipe.
        objectives: out of `edgeprune.search.front.OBJECTIVES`.
        trials: builds in all, where the space has so many.
        storage: Optuna's URL; None for a file in the output folder.
        name: of the sweep in the storage.
        at_once: builds at the same time; None for one here, or one for each core of the cluster.
        ray: see `edgeprune.search.workers`.
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
        require("ray")
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
                _Running(what, folder, study, board, crew, made_of).all(show)
        show(board.look())
        found = study.results()
    if all(one.error for one in found):
        raise VerificationError(f"None of the {len(found)} trials gave a model.", way_out=found[0].error)
    return Front(tuple(what.objectives), found, tuple(board.look().notes))


class _EndedError(Exception):
    """The user, or the last device, ended the sweep."""


class _Running:
    """The part of a sweep that needs workers and devices."""

    def __init__(
        self, what: Sweep, folder: Path, study: Study, board: Board, crew: Workers, made_of: Mapping[str, str]
    ) -> None:
        self._what, self._folder, self._study, self._board, self._crew = what, folder, study, board, crew
        self._made_of = dict(made_of)
        self._pool = Pool(what.devices, what.python)
        self._here = tuple(what.devices) == ("local",)
        self._ended = threading.Event()
        self._trained: str | None = None
        self._failure: DeviceError | None = None

    def all(self, show: Callable[[Standing], None]) -> None:
        """Runs every slot; this thread shows how it stands, and ends the others if it is interrupted."""
        with ThreadPoolExecutor(1) as executor:
            try:
                future = executor.submit(self._every_slot)
                while not wait([future], _POLL_S).done:
                    show(self._board.look())
                future.result()
            except _EndedError:
                assert self._failure is not None  # noqa: S101  (nothing else ends it from within)
                raise self._failure from None
            except BaseException:
                self._end()
                raise

    def _end(self) -> None:
        self._ended.set()
        self._pool.end()
        self._crew.end()

    def _every_slot(self) -> None:
        self._pool.check()
        for name, why in self._pool.gone.items():
            self._board.note(f"{name} is left out: {why}")
        self._trained = self._checked()
        while not self._ended.is_set():
            waiting = self._study.refill()
            if waiting:
                self._study.work(self._one, waiting, self._what.at_once or self._crew.places, self._after)
            elif self._study.running():
                self._board.note("The last trials are with another process, or were until a moment ago.")
                time.sleep(_ELSEWHERE_S)
            else:
                break
            self._after()

    def _checked(self) -> str | None:
        """Model and data, looked at once; the path of the zoo's model, trained."""
        base = self._folder / "baseline"
        known, model = base / "made_of.json", base / BASELINE
        if not (known.is_file() and json.loads(known.read_text(encoding="utf-8")) == self._made_of):
            shutil.rmtree(base, ignore_errors=True)
            outcome = self._looked(base)
            if outcome.error:
                raise (InputError if outcome.bad_input else VerificationError)(outcome.error)
            base.mkdir(exist_ok=True)
            known.write_text(json.dumps(self._made_of), encoding="utf-8")
        return str(model) if model.is_file() else None

    def _looked(self, base: Path, lost: int = 0) -> Outcome:
        self._board.start(CHECK, {})
        try:
            return self._messages(self._assignment(CHECK, {}, base))
        except WorkerLostError as error:
            if lost + 1 < ATTEMPTS and not self._ended.is_set():
                return self._looked(base, lost + 1)
            raise InputError(f"The look at model and data did not end well. {error}") from error
        finally:
            self._board.end(CHECK)

    def _one(self, slot: int, settings: Settings) -> Outcome:
        self._board.start(slot, settings)
        out = self._folder / f"trial-{slot}"
        try:
            outcome = self._messages(self._assignment(slot, settings, out))
            outcome = dataclasses.replace(outcome, bundle=f"{platform.node()}:{out}")
            if outcome.error or (self._here and self._what.ray is None):
                return outcome
            if self._here and not {"latency", "memory"} & set(self._what.objectives):
                return _unmeasured(outcome)
            self._board.stage(slot, "device", 0.0)
            return self._measured(outcome, out)
        except Exception as error:
            if self._ended.is_set():
                raise _EndedError from error
            raise
        finally:
            self._board.end(slot)

    def _assignment(self, slot: int, settings: Settings, out: Path) -> Assignment:
        what = self._what
        return Assignment(
            slot, {**what.fixed, **settings}, str(out), _absolute(what.model), _absolute(what.data),
            self._trained, what.custom_objects, what.trust_model, str(Path.cwd()),
            self._study.rivals(settings) if what.stop_hopeless and slot != CHECK else (),
        )  # fmt: skip

    def _messages(self, assignment: Assignment) -> Outcome:
        for message in self._crew.run(assignment):
            if self._ended.is_set():
                raise _EndedError
            if message.outcome is not None:
                return message.outcome
            self._board.stage(assignment.slot, message.stage, message.done)
        raise WorkerLostError("The worker ended without an outcome.")

    def _measured(self, outcome: Outcome, bundle: Path) -> Outcome:
        try:
            record = self._pool.measure(bundle, recipe(**self._what.fixed).threads)
        except InputError as error:
            return Outcome(error=str(error))
        except DeviceError as error:
            if not self._pool.left():
                self._failure = error
                self._end()
                raise
            return Outcome(error=str(error))
        figures = {**_unmeasured(outcome).figures, "latency": record.latency.p50_ms}
        if record.memory.peak_bytes is not None:
            figures["memory"] = float(record.memory.peak_bytes)
        hardware = f"{record.facts.model}, {record.facts.soc} ({record.facts.arch})"
        return dataclasses.replace(
            outcome, figures=figures, place=record.device, hardware=hardware, unstable=tuple(record.unstable)
        )

    def _after(self) -> None:
        """Tells what is known now, and removes bundles that another trial beats: they never come back."""
        found = self._study.results()
        self._board.results(found)
        for name, why in self._pool.gone.items():
            self._board.note(f"{name} is left out: {why}")
        kinds = {one.hardware for one in found if one.hardware}
        if len(kinds) > 1:
            self._board.note(f"Latencies of unlike devices cannot be compared: {'; '.join(sorted(kinds))}.")
        for one in found:
            if not one.optimal:
                shutil.rmtree(self._folder / f"trial-{one.slot}", ignore_errors=True)


def _unmeasured(outcome: Outcome) -> Outcome:
    """Without what the building machine measured of itself: a cluster's machines are not alike."""
    figures = {name: value for name, value in outcome.figures.items() if name not in ("latency", "memory")}
    return dataclasses.replace(outcome, figures=figures, place="", unstable=())


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


def _absolute(path: str | None) -> str | None:
    """Workers may stand elsewhere; names such as ``keras:cifar10`` stay."""
    return str(Path(path).resolve()) if path is not None and Path(path).exists() else path
