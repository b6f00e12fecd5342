"""What is known while a sweep runs, for whoever shows it; written by the threads that run trials."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.sweep.front import Done


@dataclasses.dataclass(frozen=True)
class Running:
    """A trial under way.

    Attributes:
        stage: of the build, or "wait".
        done: share of that stage.
        since: clock at its start, seconds.
    """

    slot: int
    settings: Mapping[str, Any]
    stage: str = "wait"
    done: float = 0.0
    since: float = dataclasses.field(default_factory=time.monotonic)


@dataclasses.dataclass(frozen=True)
class Standing:
    """One look at the board."""

    total: int
    done: Sequence[Done]
    running: Sequence[Running]
    notes: Sequence[str]


class Board:
    """Collects, and hands out consistent looks.

    Args:
        total: trials in all.
    """

    def __init__(self, total: int) -> None:
        self._lock = threading.Lock()
        self._total = total
        self._running: dict[int, Running] = {}
        self._done: Sequence[Done] = ()
        self._notes: dict[str, None] = {}

    def look(self) -> Standing:
        """What is known now."""
        with self._lock:
            return Standing(self._total, self._done, tuple(self._running.values()), tuple(self._notes))

    def start(self, slot: int, settings: Mapping[str, Any]) -> None:
        """A trial begins."""
        with self._lock:
            self._running[slot] = Running(slot, settings)

    def stage(self, slot: int, stage: str, done: float) -> None:
        """How far it is."""
        with self._lock:
            self._running[slot] = dataclasses.replace(self._running[slot], stage=stage, done=done)

    def end(self, slot: int) -> None:
        """It is done, or given back."""
        with self._lock:
            self._running.pop(slot, None)

    def results(self, done: Sequence[Done]) -> None:
        """All finished trials."""
        with self._lock:
            self._done = done

    def note(self, text: str) -> None:
        """What the user has to know, once."""
        with self._lock:
            self._notes[text] = None
