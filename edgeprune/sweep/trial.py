"""One trial: a build in a process of its own, so that every build starts alike and a crash ends one only.

    parent ──stdin: an Assignment──> `main` ──stdout: Messages──> parent

Both are JSON, one document a line. The process ends itself when its standard input closes: a parent that
is killed takes it along.
"""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Optional

from edgeprune import jsonable
from edgeprune.errors import EdgepruneError, VerificationError
from edgeprune.progress import GivenUpError, Interim
from edgeprune.sweep.hopeless import Rival, beaten_by

CHECK = -1
"""Slot of the assignment that only checks model and data, and trains the zoo's model once for all."""
BASELINE = "model.keras"


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What to build.

    Attributes:
        slot: number of the trial within the sweep, or `CHECK`.
        settings: fields of the recipe.
        out: folder of the bundle.
        model: path; ``zoo:NAME`` or None for the zoo's.
        data: see ``build --data``.
        trained: the zoo's model, trained.
        folder: to work in, from which modules are imported.
        rivals: finished trials that make going on with this one pointless when they are far ahead.
    """

    slot: int
    settings: Mapping[str, Any]
    out: str
    model: Optional[str] = None  # noqa: UP045  (jsonable reads Optional alone)
    data: Optional[str] = None  # noqa: UP045
    trained: Optional[str] = None  # noqa: UP045
    custom_objects: str = ""
    trust_model: bool = False
    folder: str = ""
    rivals: tuple[Rival, ...] = ()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        figures: ``accuracy`` on validation data and ``test`` on test data, higher is better; ``size`` in
            bytes; ``latency`` in ms and ``memory`` in bytes, where measured. Empty if there is no model.
        metric: what ``accuracy`` and ``test`` are, in the task's own name.
        curve: how the model did while it was trained.
        error: why there is no model.
        stopped: whether that is because the trial was not worth going on with.
        bad_input: whether it is because of wrong usage.
        place: where ``latency`` was measured.
        hardware: of that place.
        unstable: why that measurement is in doubt.
        bundle: where it is, as HOST:FOLDER.
    """

    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metric: str = ""
    curve: tuple[Interim, ...] = ()
    error: str = ""
    stopped: bool = False
    bad_input: bool = False
    place: str = ""
    hardware: str = ""
    unstable: tuple[str, ...] = ()
    bundle: str = ""


@dataclasses.dataclass(frozen=True)
class Message:
    """How far a trial is, or what came of it."""

    stage: str = ""
    done: float = 0.0
    outcome: Optional[Outcome] = None  # noqa: UP045


Tell = Callable[[str, float], None]


def run_here(assignment: Assignment, tell: Tell) -> Outcome:
    """Builds in this process; whatever goes wrong is in the outcome."""
    curve: list[Interim] = []

    def watch(now: Interim) -> None:
        if math.isfinite(now.metric):
            curve.append(now)
        if rival := beaten_by(now, assignment.rivals):
            raise GivenUpError(rival)

    try:
        if assignment.slot == CHECK:
            _check(assignment, tell)
            return Outcome()
        return _built(assignment, tell, watch, curve)
    except GivenUpError as error:
        return Outcome(curve=tuple(curve), error=str(error), stopped=True)
    except EdgepruneError as error:
        return Outcome(error=str(error), bad_input=not isinstance(error, VerificationError))
    except MemoryError:
        raise  # another machine, or the same one later, may have more
    except Exception as error:  # noqa: BLE001 - a defect is this trial's, and the sweep goes on
        return Outcome(error=f"{type(error).__name__}: {error}")


def _built(assignment: Assignment, tell: Tell, watch: Any, curve: list[Interim]) -> Outcome:
    from edgeprune.metrics import METRICS
    from edgeprune.pipeline import build as pipeline
    from edgeprune.recipe import recipe
    from edgeprune.report.read import read_report

    done = pipeline.run(
        _source(assignment), recipe(**assignment.settings), Path(assignment.out), progress=tell, watch=watch
    )
    report = read_report(done.bundle)
    deployed, seen = report.stages.deployed, report.quantization.validation
    assert seen is not None  # noqa: S101  (a build always compares)
    figures = {
        "accuracy": seen.agreement_fraction if seen.deployed_metric is None else seen.deployed_metric,
        "size": float(done.bundle.model.stat().st_size),
    }
    name, test = next(iter(deployed.metrics.items()), ("agreement", math.nan))
    higher = METRICS[name.partition("/")[0]].higher_is_better
    figures["test"] = test if higher else 1 - test  # as `Inputs.worth` does on validation data
    if deployed.p50_ms is not None:
        figures["latency"] = deployed.p50_ms
    if deployed.peak_memory_bytes is not None:
        figures["memory"] = float(deployed.peak_memory_bytes)
    finite = {key: value for key, value in figures.items() if math.isfinite(value)}
    said = name if higher else f"1 - {name}"
    return Outcome(finite, said, tuple(curve), place="local", unstable=deployed.unstable)


def _check(assignment: Assignment, tell: Tell) -> None:
    """Opens model and data as a build would, and keeps the zoo's model, trained."""
    from edgeprune.keras_bridge.load import saved_bytes
    from edgeprune.pipeline import build as pipeline
    from edgeprune.pipeline.inputs import open_inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pipeline.state import State
    from edgeprune.pipeline.training import check_settings
    from edgeprune.pipeline.zoo import is_zoo
    from edgeprune.recipe import recipe

    pipeline.require_host()
    settings = recipe(**assignment.settings)
    job = Job(settings, _source(assignment), State(None), tell)
    with pipeline.quietly(settings) as strategy:
        inputs = open_inputs(dataclasses.replace(job, strategy=strategy))
        check_settings(job, inputs)
        if is_zoo(assignment.model):
            folder = Path(assignment.out)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / BASELINE).write_bytes(saved_bytes(inputs.model))


def _source(assignment: Assignment) -> Any:
    from edgeprune.pipeline.build import Source

    trained = Path(assignment.trained) if assignment.trained else None
    return Source(
        assignment.model, assignment.data, assignment.custom_objects, assignment.trust_model, trained
    )


def main() -> None:
    """Entry point of the process."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed, by C code too, is no message
    assignment = jsonable.loads(Assignment, sys.stdin.readline(), "The assignment")

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

    def say(message: Message) -> None:
        answers.write(jsonable.dumps(message) + "\n")
        answers.flush()

    outcome = run_here(assignment, lambda stage, done: say(Message(stage, round(done, 2))))
    say(Message(outcome=outcome))
    os._exit(0)  # the watcher holds standard input, on which a plain exit would wait

