"""Keeps the workers busy until every slot of a sweep is done."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.errors import DeviceError, InputError
from edgeprune.search.space import DEFAULT_SPACE, Space
from edgeprune.search.study import OBJECTIVES, Done, Study
from edgeprune.search.trial import Assignment, Outcome, WorkerLostError, run_apart
from edgeprune.search.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_POLL_S = 2.0


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What to search, and with what.

    Attributes:
        model: path of a trained model, None for the zoo's.
        data: see ``build --data``.
        space: what is varied.
        fixed: other fields of the recipe.
        objectives: out of `edgeprune.search.study.OBJECTIVES`.
        trials: builds in all.
        storage: Optuna's URL; None for a file in the output folder.
        name: of the sweep in the storage.
        at_once: builds at the same time.
        ray: see `edgeprune.search.workers`.
        devices: a pool; each trial is measured on a free one.
        python: of the devices.
        seed: of settings and builds.
    """

    model: str | None = None
    data: str | None = None
    space: Space = DEFAULT_SPACE
    fixed: dict[str, Any] = dataclasses.field(default_factory=dict)
    objectives: Sequence[str] = ("accuracy", "latency", "size", "memory")
    trials: int = 24
    storage: str | None = None
    name: str = "edgeprune"
    at_once: int = 1
    ray: str | None = None
    devices: Sequence[str] = ("local",)
    custom_objects: str = ""
    trust_model: bool = False
    python: str | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Front:
    """The outcome.

    Attributes:
        objectives: names.
        trials: all that are done.
    """

    objectives: tuple[str, ...]
    trials: tuple[Done, ...]

    @property
    def optimal(self) -> tuple[Done, ...]:
        """The Pareto front."""
        return tuple(one for one in self.trials if one.optimal)


def sweep(
    what: Sweep,
    out: Path | str,
    *,
    show: Callable[[Sequence[Done]], None] = lambda _: None,
    job: Callable[[Assignment], Outcome] = run_apart,
) -> Front:
    """Runs what is left of a sweep; the bundles are ``out/trial-NUMBER``.

    Args:
        what: the sweep.
        out: folder.
        show: told all results each time a trial is done.
        job: what a worker does with an assignment.

    Raises:
        InputError: Optuna or Ray is missing, or the settings are not understood.
        DeviceError: no device is left; what is done is kept, the same call goes on.
    """
    _check(what)
    folder = Path(out).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    storage = what.storage or f"sqlite:///{folder / 'sweep.db'}"
    study = Study(storage, what.name, what.space, what.objectives, what.trials, what.seed)
    pool = _Devices(what.devices)
    with workers(what.ray, job) as runs:

        def one(slot: int, settings: dict[str, Any]) -> Outcome:
            with pool.one() as device:
                outcome = runs(_assignment(what, folder, slot, settings, device))
                if outcome.device_failed:
                    pool.failed(device, outcome.error)
                    raise WorkerLostError(outcome.error)
            show(study.results())
            return outcome

        while True:
            waiting = study.refill()
            if waiting:
                study.work(one, min(waiting, what.at_once * 4), what.at_once)
            elif study.running():
                time.sleep(_POLL_S)  # another process has them, or had them until a moment ago
            else:
                break
            pool.check(study)
    found = tuple(study.results())
    show(found)
    return Front(tuple(what.objectives), found)


def _check(what: Sweep) -> None:
    unknown = [name for name in what.objectives if name not in OBJECTIVES]
    if unknown or not what.objectives:
        raise InputError(
            f"The objectives are {', '.join(what.objectives) or 'none'}.",
            f"Known are {', '.join(OBJECTIVES)}.",
        )
    if what.trials < 1 or what.at_once < 1:
        raise InputError(f"{what.trials} trials, {what.at_once} at once.", "1 or more of both is expected.")
    both = sorted(set(what.fixed) & set(what.space.values))
    if both:
        raise InputError(f"{', '.join(both)} is both varied and fixed.", "One of the two.")


def _assignment(
    what: Sweep, folder: Path, slot: int, settings: dict[str, Any], device: str
) -> Assignment:
    out = folder / f"trial-{slot}"
    # Half a bundle of a lost worker is none, and the build will not touch what it does not know.
    if out.is_dir() and not (out / "manifest.json").exists():
        shutil.rmtree(out, ignore_errors=True)
    return Assignment(
        slot, {"seed": what.seed, **what.fixed, **settings}, str(out), device, what.model, what.data,
        what.custom_objects, what.trust_model, what.python,
    )  # fmt: skip


class _Devices:
    """Hands each trial a free device; those that failed are not handed out again."""

    def __init__(self, names: Sequence[str]) -> None:
        self._free: queue.Queue[str] = queue.Queue()
        for name in names:
            self._free.put(name)
        self._names, self._gone = tuple(names), dict[str, str]()

    def one(self) -> _Borrowed:
        return _Borrowed(self)

    def take(self) -> str:
        while len(self._gone) < len(self._names):
            with contextlib.suppress(queue.Empty):
                return self._free.get(timeout=_POLL_S)
        raise WorkerLostError("No device is left.")

    def give_back(self, name: str) -> None:
        if name not in self._gone:
            self._free.put(name)

    def failed(self, name: str, why: str) -> None:
        self._gone[name] = why

    def check(self, study: Study) -> None:
        """Ends the sweep where no device is left."""
        if len(self._gone) < len(set(self._names)):
            return
        done = len(study.results())
        raise DeviceError(
            " ".join(self._gone.values()),
            f"{done} of {study.trials} trials are done and kept.",
            "Bring a device back and give the same command again: it goes on with the rest.",
        )


class _Borrowed:
    def __init__(self, pool: _Devices) -> None:
        self._pool, self._name = pool, ""

    def __enter__(self) -> str:
        self._name = self._pool.take()
        return self._name

    def __exit__(self, *_: object) -> None:
        self._pool.give_back(self._name)
