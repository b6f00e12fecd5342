"""What is known while a sweep runs, for whoever shows it; written by the threads that run trials."""

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence

from edgeprune.sweep.front import TrialResult
from edgeprune.sweep.trial import NumberedTrial


@dataclasses.dataclass(frozen=True)
class ActiveTrial(NumberedTrial):
    """A trial under way in a stage of the build, or "wait", of which the fraction `done` is done."""

    stage: str = "wait"
    done: float = 0.0
    since: float = dataclasses.field(default_factory=time.monotonic)


@dataclasses.dataclass(frozen=True)
class SweepStatus:
    """A consistent snapshot of the board."""

    total: int
    done: Sequence[TrialResult]
    running: Sequence[ActiveTrial]
    notes: Sequence[str]


class StatusBoard:
    """Collects the status of all trials, `total` of them."""

    def __init__(self, total: int) -> None:
        self._lock = threading.Lock()
        self._total = total
        self._running: dict[int, ActiveTrial] = {}
        self._done: Sequence[TrialResult] = ()
        self._notes: dict[str, None] = {}

    def status(self) -> SweepStatus:
        """What is known now."""
        with self._lock:
            return SweepStatus(self._total, self._done, tuple(self._running.values()), tuple(self._notes))

    def start(self, number: int, settings: Mapping[str, object]) -> None:
        """A trial begins."""
        with self._lock:
            self._running[number] = ActiveTrial(number, settings)

    def advance(self, number: int, stage: str, done: float) -> None:
        """A trial is in this stage now, this fraction of it done."""
        with self._lock:
            self._running[number] = dataclasses.replace(self._running[number], stage=stage, done=done)

    def end(self, number: int) -> None:
        """A trial is done, or given back."""
        with self._lock:
            self._running.pop(number, None)

    def finish(self, done: Sequence[TrialResult]) -> None:
        """These are all finished trials."""
        with self._lock:
            self._done = done

    def note(self, text: str) -> None:
        """What the user has to know, once."""
        with self._lock:
            self._notes[text] = None
