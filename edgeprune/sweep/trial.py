"""One trial: what is asked for, what comes of it, and the build between them."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

from edgeprune.errors import EdgepruneError, VerificationError
from edgeprune.pipeline.source import Source
from edgeprune.progress import GivenUpError, Interim, Progress, Watch
from edgeprune.recipe import recipe
from edgeprune.report.figures import higher_is_better
from edgeprune.report.read import read_report
from edgeprune.sweep.trial_pruner import ReferenceTrial, reason_to_stop

CHECK = -1
"""Number of the assignment that only checks model and data, and trains the zoo's model once for all."""
BASELINE = "model.keras"


@dataclasses.dataclass(frozen=True)
class NumberedTrial:
    """A trial's number within the sweep, or `CHECK`, and its settings of the recipe."""

    number: int = dataclasses.field(metadata={"key": "slot"})  # as front.json has it
    settings: Mapping[str, object]


@dataclasses.dataclass(frozen=True)
class Assignment(NumberedTrial):
    """What to build, as a bundle in `out`, from model and data as ``build`` takes them.

    Attributes:
        trained: the zoo's model, trained.
        folder: to work in, from which modules are imported.
        references: finished trials; one that is far ahead ends this one.
    """

    out: str
    model: str | None = None
    data: str | None = None
    trained: str | None = None
    custom_objects: str = ""
    trust_model: bool = False
    folder: str = ""
    references: tuple[ReferenceTrial, ...] = ()


@dataclasses.dataclass(frozen=True)
class TrialSummary:
    """What people see of a finished trial.

    Attributes:
        figures: ``accuracy`` on validation data and ``test`` on test data, higher is better; ``size`` in
            bytes; ``latency`` in ms and ``memory`` in bytes, where measured. Empty if there is no model.
        metric: what ``accuracy`` and ``test`` are, in the task's own name.
        error: why there is no model.
        stopped: whether that is because the trial was stopped early.
        place: where ``latency`` was measured, on this `hardware`.
        unstable: why that measurement is in doubt.
        bundle: where it is, as HOST:FOLDER.
    """

    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metric: str = ""
    error: str = ""
    stopped: bool = False
    place: str = ""
    hardware: str = ""
    unstable: tuple[str, ...] = ()
    bundle: str = ""


@dataclasses.dataclass(frozen=True)
class Outcome(TrialSummary):
    """The outcome of a trial, as the study keeps it; `bad_input` tells an error of usage from others."""

    curve: tuple[Interim, ...] = ()
    bad_input: bool = False


@dataclasses.dataclass(frozen=True)
class Message:
    """The progress of a trial, or its outcome."""

    stage: str = ""
    done: float = 0.0
    outcome: Outcome | None = None


def run_here(assignment: Assignment, progress: Progress) -> Outcome:
    """Builds in this process; whatever goes wrong is in the outcome."""
    curve: list[Interim] = []

    def watch(now: Interim) -> None:
        if math.isfinite(now.metric):
            curve.append(now)
        if reason := reason_to_stop(now, assignment.references):
            raise GivenUpError(reason)

    try:
        if assignment.number == CHECK:
            _check(assignment, progress)
            return Outcome()
        return dataclasses.replace(_build(assignment, progress, watch), curve=tuple(curve))
    except GivenUpError as error:
        return Outcome(curve=tuple(curve), error=str(error), stopped=True)
    except EdgepruneError as error:
        return Outcome(error=str(error), bad_input=not isinstance(error, VerificationError))
    except MemoryError:
        raise  # another machine, or the same one later, may have more
    except Exception as error:  # noqa: BLE001 - a defect is this trial's, and the sweep goes on
        return Outcome(error=f"{type(error).__name__}: {error}")


def _build(assignment: Assignment, progress: Progress, watch: Watch) -> Outcome:
    from edgeprune.pipeline import build as pipeline

    settings = recipe(**assignment.settings)
    source, out = _source(assignment), Path(assignment.out)
    bundle = pipeline.run(source, settings, out, progress=progress, watch=watch).bundle
    report = read_report(bundle)
    deployed, seen = report.stages.deployed, report.quantization.validation
    assert seen is not None  # noqa: S101  (a build always compares)
    name, test = next(iter(deployed.metrics.items()), ("agreement", math.nan))
    higher = higher_is_better(name)
    figures: dict[str, float | None] = {
        "accuracy": seen.agreement_fraction if seen.deployed_metric is None else seen.deployed_metric,
        "size": float(bundle.model.stat().st_size),
        "test": test if higher else 1 - test,  # as the build does on validation data
        "latency": deployed.p50_ms,
        "memory": deployed.peak_memory_bytes,
    }
    return Outcome(
        {key: float(value) for key, value in figures.items() if value is not None and math.isfinite(value)},
        name if higher else f"1 - {name}", place="local", unstable=deployed.unstable,
    )  # fmt: skip


def _check(assignment: Assignment, progress: Progress) -> None:
    """Opens model and data as a build would, and keeps the zoo's model, trained."""
    from edgeprune.pipeline import build as pipeline

    kept = Path(assignment.out) / BASELINE
    pipeline.check(_source(assignment), recipe(**assignment.settings), progress, trained=kept)


def _source(one: Assignment) -> Source:
    trained = Path(one.trained) if one.trained else None
    return Source(one.model, one.data, one.custom_objects, one.trust_model, trained, force=True)
