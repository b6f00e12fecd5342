"""What surrounds the stages of one build: progress, timings, notes, interim figures, finished artifacts."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from device_runners.options import BenchOptions
from edgeprune.data.decisions import Announce, decided, unheard
from edgeprune.keras_types import Strategy
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.store import ArtifactStore
from edgeprune.progress import Progress, Watch
from edgeprune.report.schema import WarningReport

Artifact = TypeVar("Artifact")


@dataclasses.dataclass(frozen=True)
class StageLog:
    """What a stage noted, and the seconds that it took, by stage."""

    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    warnings: tuple[WarningReport, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class BuildContext:
    """The surroundings of one build; holds no setting and no artifact of its own.

    Attributes:
        source: model and data, as the user named them.
        store: artifacts of an interrupted try, and of this one.
        bench_options: how devices are reached and measured.
        seed: decides every random choice.
        strategy: a `tf.distribute.Strategy`, or None.
        announce: told what was decided about model and data, before training.
        watch: told how the model does while it is trained; None where nobody asks.
        seconds: wall time of each stage so far.
        notes: what is good to know, so far.
        warnings: what the user has to know, so far.
    """

    source: Source
    store: ArtifactStore
    progress: Progress
    bench_options: BenchOptions
    seed: int
    strategy: Strategy = None
    watch: Watch | None = None
    announce: Announce = unheard
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    warnings: list[WarningReport] = dataclasses.field(default_factory=list)

    def warn(self, text: str, about: str = "") -> None:
        """Keeps a warning for the report, and tells it at once: what it concerns is still to come."""
        self.warnings.append(WarningReport(text, about))
        self.announce(decided("warning", [text]))

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Times a stage and tells its beginning and end; gives what tells its fraction done."""
        self.progress(name, 0.0)
        with self.timed(name):
            yield lambda done: self.progress(name, done)
        self.progress(name, 1.0)

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds what the block takes to a stage's time; it counts once the block is done."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def made(self, name: str, kind: type[Artifact], make: Callable[[], Artifact]) -> Artifact:
        """The artifact `name`: as an earlier try left it, or made and kept now.

        What its stage noted and how long it took are kept with it.
        """
        artifact, log = self.store.load(name, kind), self.store.load(f"{name}.log", StageLog)
        if artifact is not None and log is not None:
            self.notes.extend(log.notes)
            self.warnings.extend(log.warnings)
            for stage, seconds in log.seconds.items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
            return artifact
        noted, warned, before = len(self.notes), len(self.warnings), dict(self.seconds)
        artifact = make()
        spent = {stage: seconds - before.get(stage, 0.0) for stage, seconds in self.seconds.items()}
        log = StageLog(tuple(self.notes[noted:]), spent, tuple(self.warnings[warned:]))
        self.store.keep(f"{name}.log", log)
        self.store.keep(name, artifact)
        return artifact

    def fork(self) -> BuildContext:
        """The surroundings of a build beside this one, such as a fold's: nothing of it is kept or counted."""
        store = ArtifactStore(None, self.store.load_model)
        return dataclasses.replace(
            self, store=store, watch=None, announce=unheard, seconds={}, notes=[], warnings=[]
        )
