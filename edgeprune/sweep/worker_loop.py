"""The part of a sweep that needs workers and devices: one check, then every trial until all are done."""

import contextlib
import dataclasses
import json
import platform
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.recipe import recipe
from edgeprune.sweep.devices import DevicePool
from edgeprune.sweep.settings import Settings, Sweep
from edgeprune.sweep.status_board import StatusBoard, SweepStatus
from edgeprune.sweep.study import ATTEMPTS, SweepStudy
from edgeprune.sweep.subprocess_trial import WorkerLostError
from edgeprune.sweep.trial import BASELINE, CHECK, Assignment, Outcome
from edgeprune.sweep.workers import WorkerPool

_POLL_S = 0.5
_ELSEWHERE_S = 2.0


class _EndedError(Exception):
    """The user, or the last device, ended the sweep."""


class WorkerLoop:
    """Keeps workers and devices busy until all trials are done."""

    def __init__(
        self, what: Sweep, folder: Path, study: SweepStudy, board: StatusBoard, workers: WorkerPool,
        made_of: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._what, self._folder, self._study, self._board = what, folder, study, board
        self._workers, self._made_of = workers, dict(made_of)
        self._devices = DevicePool(what.devices, what.python)
        self._here = tuple(what.devices) == ("local",)
        self._ended = threading.Event()
        self._trained: str | None = None
        self._failure: DeviceError | None = None

    def run(self, show: Callable[[SweepStatus], None]) -> None:
        """Runs all trials; this thread shows the status, and ends the others if it is interrupted."""
        with ThreadPoolExecutor(1) as executor:
            try:
                future = executor.submit(self._run_trials)
                while not wait([future], _POLL_S).done:
                    show(self._board.status())
                future.result()
            except _EndedError:
                assert self._failure is not None  # noqa: S101  (nothing else ends it from within)
                raise self._failure from None
            except BaseException:
                self._end()
                raise

    def _end(self) -> None:
        self._ended.set()
        self._devices.end()
        self._workers.end()

    def _run_trials(self) -> None:
        self._devices.check()
        self._note_lost_devices()
        self._trained = self._check()
        while not self._ended.is_set():
            waiting = self._study.refill()
            if waiting:
                at_once = self._what.at_once or self._workers.places
                self._study.work(self._run_trial, waiting, at_once, self._update)
            elif self._study.running():
                self._board.note("Another process runs the last trials, or did until a moment ago.")
                time.sleep(_ELSEWHERE_S)
            else:
                break
            self._update()

    def _check(self) -> str | None:
        """Checks model and data once; returns the path of the zoo's model, trained."""
        base = self._folder / "baseline"
        checked, model = base / "made_of.json", base / BASELINE
        if not (checked.is_file() and json.loads(checked.read_text(encoding="utf-8")) == self._made_of):
            shutil.rmtree(base, ignore_errors=True)
            outcome = self._check_on_worker(base)
            if outcome.error:
                raise (InputError if outcome.bad_input else VerificationError)(outcome.error)
            base.mkdir(exist_ok=True)
            checked.write_text(json.dumps(self._made_of), encoding="utf-8")
        return str(model) if model.is_file() else None

    def _check_on_worker(self, base: Path, lost: int = 0) -> Outcome:
        self._board.start(CHECK, {})
        try:
            return self._outcome(self._assignment(CHECK, {}, base))
        except WorkerLostError as error:
            if lost + 1 < ATTEMPTS and not self._ended.is_set():
                return self._check_on_worker(base, lost + 1)
            raise InputError(f"The check of model and data failed. {error}") from error
        finally:
            self._board.end(CHECK)

    def _run_trial(self, number: int, settings: Settings) -> Outcome:
        self._board.start(number, settings)
        out = self._folder / f"trial-{number}"
        try:
            outcome = self._outcome(self._assignment(number, settings, out))
            outcome = dataclasses.replace(outcome, bundle=f"{platform.node()}:{out}")
            if outcome.error or (self._here and self._what.ray is None):
                return outcome
            if self._here and not {"latency", "memory"} & set(self._what.objectives):
                return _without_timings(outcome)
            self._board.advance(number, "device", 0.0)
            return self._measured(outcome, out)
        except Exception as error:
            if self._ended.is_set():
                raise _EndedError from error
            raise
        finally:
            self._board.end(number)

    def _assignment(self, number: int, settings: Settings, out: Path) -> Assignment:
        what = self._what
        return Assignment(
            number, {**what.fixed, **settings}, str(out), _absolute(what.model), _absolute(what.data),
            self._trained, what.custom_objects, what.trust_model, str(Path.cwd()),
            self._study.references(settings) if what.stop_early and number != CHECK else (),
        )  # fmt: skip

    def _outcome(self, assignment: Assignment) -> Outcome:
        with contextlib.closing(self._workers.run(assignment)) as messages:
            for message in messages:
                if self._ended.is_set():
                    raise _EndedError
                if message.outcome is not None:
                    return message.outcome
                self._board.advance(assignment.number, message.stage, message.done)
        raise WorkerLostError("The worker ended without an outcome.")

    def _measured(self, outcome: Outcome, bundle: Path) -> Outcome:
        try:
            record = self._devices.measure(bundle, recipe(**self._what.fixed).measure.threads)
        except InputError as error:
            return Outcome(error=str(error))
        except DeviceError as error:
            if self._devices.available() and not self._ended.is_set():
                return Outcome(error=str(error))
            self._failure = error
            self._end()
            raise
        figures = {**_without_timings(outcome).figures, "latency": record.latency.p50_ms}
        if record.memory.peak_bytes is not None:
            figures["memory"] = float(record.memory.peak_bytes)
        hardware = f"{record.facts.model}, {record.facts.soc} ({record.facts.arch})"
        return dataclasses.replace(
            outcome, figures=figures, place=record.device, hardware=hardware, unstable=tuple(record.unstable)
        )

    def _update(self) -> None:
        """Shows the results so far, and removes bundles that are dominated: they never come back."""
        found = self._study.results()
        self._board.finish(found)
        self._note_lost_devices()
        kinds = {one.hardware for one in found if one.hardware}
        if len(kinds) > 1:
            self._board.note(f"Latencies of unequal devices cannot be compared: {'; '.join(sorted(kinds))}.")
        for one in found:
            if not one.optimal:
                shutil.rmtree(self._folder / f"trial-{one.number}", ignore_errors=True)

    def _note_lost_devices(self) -> None:
        for name, why in self._devices.lost.items():
            self._board.note(f"{name} is left out: {why}")


def _without_timings(outcome: Outcome) -> Outcome:
    """Without what the building machine measured of itself: a cluster's machines are not alike."""
    figures = {name: value for name, value in outcome.figures.items() if name not in ("latency", "memory")}
    return dataclasses.replace(outcome, figures=figures, place="", unstable=())


def _absolute(place: object) -> str | None:
    """Workers may stand elsewhere; names such as ``keras:cifar10`` stay."""
    path = None if place is None else str(place)
    return str(Path(path).resolve()) if path is not None and Path(path).exists() else path
