"""How sure a change of a metric is: the same samples are drawn again and again, for both models alike."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Optional, Union

import numpy as np

from edgeprune.tasks.output_task import Targets, several
from edgeprune.tasks.scoring import figures, metric_names
from edgeprune.types import OutputTask

_DRAWS = 200
_FEWEST_DRAWS = 30
_SECONDS = 2.0


def change_errors(
    tasks: Sequence[OutputTask], y: Union[np.ndarray, Targets, None],  # noqa: UP007
    before: Sequence[np.ndarray], after: Sequence[np.ndarray],
    inputs: Optional[np.ndarray] = None,  # noqa: UP045
    thresholds: tuple[Optional[float], Optional[float]] = (None, None),  # noqa: UP045
    seed: int = 0,
) -> dict[str, float]:
    """Standard error of ``metric(after) - metric(before)`` for the main metric of each output.

    Paired bootstrap (Efron & Tibshirani 1993, chapter 8): samples are drawn with replacement, and both models
    are judged on the same draw. Empty where there are no labels, or where 30 draws would take more than about
    two seconds.

    Args:
        before: (N, …) of each output, one model's.
        after: those of the other one.
        thresholds: of an anomaly's score, for both.
    """
    first = [dataclasses.replace(task, metrics=task.metrics[:1]) for task in tasks]
    truths = several(y, len(tasks))
    number = len(before[0])
    if number < 2 or all(truth is None for truth in truths):
        return {}
    names = set(metric_names(first))
    random = np.random.default_rng(seed)
    changes: dict[str, list[float]] = {}
    end = time.monotonic() + _SECONDS
    for draw in range(_DRAWS):
        rows = random.integers(0, number, number)
        y_drawn = tuple(None if truth is None else np.asarray(truth)[rows] for truth in truths)
        x_drawn = None if inputs is None else np.asarray(inputs)[rows]
        old, new = (
            figures(first, y_drawn, [one[rows] for one in outputs], x_drawn, threshold)
            for outputs, threshold in zip((before, after), thresholds)
        )
        for name in names & old.keys() & new.keys():
            changes.setdefault(name, []).append(new[name] - old[name])
        left = end - time.monotonic()
        if draw + 1 < _FEWEST_DRAWS and left < (_FEWEST_DRAWS - draw - 1) * (_SECONDS - left) / (draw + 1):
            return {}
        if left <= 0:
            break
    finite = {name: values for name, values in changes.items() if np.isfinite(values).all()}
    return {name: float(np.std(values, ddof=1)) for name, values in finite.items()}
