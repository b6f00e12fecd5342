"""A trial's job without a build: figures by formula, after a pause; it writes down that it ran."""

from __future__ import annotations

import os
import time
from pathlib import Path

from edgeprune.search.trial import Assignment, Outcome

PAUSE_S = 0.3


def figures(settings: dict[str, object]) -> dict[str, float]:
    prune, rate = float(str(settings["prune"])), float(str(settings["learning_rate"]))
    size = 1000 * (1 - prune) + (200 if settings["quantize"] == "float16" else 0)
    return {"accuracy": 0.99 - prune**3 - abs(rate - 5e-4) * 50, "size": size}


def quick(assignment: Assignment) -> Outcome:
    marks = Path(assignment.out).parent / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    (marks / f"{assignment.slot}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(PAUSE_S)
    return Outcome(figures(dict(assignment.settings)))
