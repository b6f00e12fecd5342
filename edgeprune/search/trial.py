"""One trial: a build and its measurement, in a process of its own.

    parent ──stdin: one line of JSON──> python -m edgeprune.search.trial ──stdout: one line of JSON──> parent

The process ends itself when its standard input closes: a parent that is killed takes it along.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from edgeprune import jsonable
from edgeprune.errors import DeviceError, EdgepruneError


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What to build and where to measure.

    Attributes:
        slot: number of the trial within the sweep.
        settings: fields of the recipe.
        out: folder of the bundle.
        device: where to measure.
        python: of the device.
    """

    slot: int
    settings: Mapping[str, Any]
    out: str
    device: str = "local"
    model: str | None = None
    data: str | None = None
    custom_objects: str = ""
    trust_model: bool = False
    python: str | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        figures: ``accuracy``, ``latency`` (ms), ``size`` and ``memory`` (bytes); empty if it failed.
        error: why it failed.
        device_failed: whether the device did, so that the trial can be had again elsewhere.
    """

    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    error: str = ""
    device_failed: bool = False


class WorkerLostError(Exception):
    """The process ended without an answer: killed, out of memory, or its machine went away."""


def run_here(assignment: Assignment) -> Outcome:
    """Builds and measures in this process."""
    import edgeprune
    from device_runners import BenchOptions, bench
    from edgeprune.gate.figures import main_metric

    try:
        bundle = edgeprune.build(
            assignment.model, assignment.data, out=assignment.out, custom_objects=assignment.custom_objects,
            trust_model=assignment.trust_model, **dict(assignment.settings),
        )  # fmt: skip
        threads = int(assignment.settings.get("threads", 1))
        record = bench(bundle, assignment.device, BenchOptions(threads=threads, python=assignment.python))
    except DeviceError as error:
        return Outcome(error=str(error), device_failed=True)
    except EdgepruneError as error:
        return Outcome(error=str(error))
    report = json.loads(bundle.file("report.json").read_text(encoding="utf-8"))
    metrics = report["stages"]["deployed"]["metrics"]
    name = main_metric(tuple(metrics))
    figures = {"latency": record.latency.p50_ms, "size": float(bundle.model.stat().st_size)}
    if name is not None:
        figures["accuracy"] = float(metrics[name])
    if record.memory.peak_bytes is not None:
        figures["memory"] = float(record.memory.peak_bytes)
    return Outcome(figures)


def run_apart(assignment: Assignment) -> Outcome:
    """Builds and measures in a fresh process.

    Raises:
        WorkerLostError: it ended without an answer.
    """
    command = [sys.executable, "-m", "edgeprune.search.trial"]
    with subprocess.Popen(  # noqa: S603  (a list, no shell)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101  (pipes were asked for)
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(jsonable.dumps(assignment) + "\n")
            process.stdin.flush()
            answer = process.stdout.read()
        except BrokenPipeError:
            answer = ""
        except BaseException:
            process.kill()
            raise
    if not answer.strip():
        raise WorkerLostError(f"Trial {assignment.slot} ended with exit code {process.returncode}.")
    return jsonable.loads(Outcome, answer, "What a trial sent")


def main() -> None:
    """Entry point of the process."""
    result = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed, by C code too, is no answer
    assignment = jsonable.loads(Assignment, sys.stdin.readline(), "The assignment")

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    answer = jsonable.dumps(run_here(assignment)).encode()
    with os.fdopen(result, "wb") as stream:
        stream.write(answer)
    os._exit(0)  # the watcher holds standard input, on which a plain exit would wait


if __name__ == "__main__":
    main()
