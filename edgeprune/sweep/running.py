"""The part of a sweep that needs workers and devices: look once, then every slot until all are done."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.recipe import recipe
from edgeprune.sweep.apart import WorkerLostError
from edgeprune.sweep.devices import Pool
from edgeprune.sweep.study import ATTEMPTS, Study
from edgeprune.sweep.trial import BASELINE, CHECK, Assignment, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgeprune.sweep.board import Board, Standing
    from edgeprune.sweep.space import Settings
    from edgeprune.sweep.sweep import Sweep
    from edgeprune.sweep.workers import Workers

_POLL_S = 0.5
_ELSEWHERE_S = 2.0


class _EndedError(Exception):
    """The user, or the last device, ended the sweep."""


class Running:
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
        with contextlib.closing(self._crew.run(assignment)) as messages:
            for message in messages:
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


def _absolute(path: str | None) -> str | None:
    """Workers may stand elsewhere; names such as ``keras:cifar10`` stay."""
    return str(Path(path).resolve()) if path is not None and Path(path).exists() else path
