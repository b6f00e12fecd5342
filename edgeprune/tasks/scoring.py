"""Figures for people, and the scores that decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional, Union

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics import METRICS
from edgeprune.metrics.classification import accuracy
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.metrics.regression import r2
from edgeprune.tasks.output_task import Targets, evaluation_of, prefixed, several
from edgeprune.types import OutputTask

Outputs = Sequence[np.ndarray]
_VALUES = ("values", "image", "original")
_WHERE_BOXES_LIE = "map_50_95"


def judged_metrics(task: OutputTask) -> tuple[str, ...]:
    """Names of the metrics that decide: the first, and of boxes also the one that asks how well they lie.

    Half of the union overlaps long after 8-bit numbers have moved a box: a detector lost 2.7 points of
    mAP@[.5:.95] with 0.2 points of mAP@0.5.
    """
    if task.kind == "boxes" and _WHERE_BOXES_LIE in task.metrics[1:]:
        return task.metrics[0], _WHERE_BOXES_LIE
    return task.metrics[:1]


def metric_names(tasks: Sequence[OutputTask]) -> tuple[str, ...]:
    """Names of all metrics, as `figures` gives them; the primary one of the first output leads."""
    return tuple(prefixed(tasks, task, name) for task in tasks for name in task.metrics)


def figures(
    tasks: Sequence[OutputTask], y: Union[np.ndarray, Targets, None], outputs: Outputs,  # noqa: UP007
    inputs: Optional[np.ndarray] = None, threshold: Optional[float] = None,  # noqa: UP045
) -> dict[str, float]:
    """Every metric of every output that has labels.

    Args:
        y: labels by output, or an array for the first; see `edgeprune.tasks.output_task.TargetKind`.
        outputs: (N, …) of the same samples, one for each task.
        inputs: of the model, for an autoencoder that finds anomalies.
        threshold: of an anomaly's score.

    Raises:
        InputError: an unknown metric, or labels of other samples.
    """
    found: dict[str, float] = {}
    for task, truth, output in zip(tasks, several(y, len(tasks)), outputs):
        if truth is None:
            continue
        evaluation = _checked(task, truth, output, inputs, threshold)
        for name in task.metrics:
            if name not in METRICS:
                raise InputError(
                    f"The metric {name!r} is not known.",
                    f"Expected names out of {', '.join(sorted(METRICS))}.", "Correct the name.",
                )
            computed = METRICS[name].compute(evaluation)
            found.update((prefixed(tasks, task, key), value) for key, value in computed.items())
    return found


def scores(
    tasks: Sequence[OutputTask], y: Union[np.ndarray, Targets, None], outputs: Outputs,  # noqa: UP007
    inputs: Optional[np.ndarray] = None, threshold: Optional[float] = None,  # noqa: UP045
) -> dict[str, float]:
    """One score for each part that is judged by itself, as a fraction; higher is better.

    Parts are the outputs that have labels, and of an output of values each group of columns of one scale.
    """
    found: dict[str, float] = {}
    for task, truth, output in zip(tasks, several(y, len(tasks)), outputs):
        if truth is None:
            continue
        evaluation = _checked(task, truth, output, inputs, threshold)
        if task.kind in _VALUES and task.metrics and task.metrics[0] != "agreement":
            found.update(_scores_of_values(tasks, task, evaluation))
            continue
        for name in judged_metrics(task):
            value = METRICS[name].compute(evaluation)[name]
            found[prefixed(tasks, task, name)] = value if METRICS[name].higher_is_better else 1.0 - value
    return found


def worst_drop(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[str, float]:
    """The part whose score fell most, and by how much; the second is negative where every part gained."""
    drops = {name: value - after.get(name, float("-inf")) for name, value in before.items()}
    if not drops:
        return "", 0.0
    name = max(drops, key=lambda one: np.inf if np.isnan(drops[one]) else drops[one])
    return name, (float("inf") if np.isnan(drops[name]) else drops[name])


def _scores_of_values(
    tasks: Sequence[OutputTask], task: OutputTask, evaluation: Evaluation
) -> dict[str, float]:
    """The variance explained: R² of each part by its own variance, and accuracy where a part says classes."""
    name, found = prefixed(tasks, task, "r2"), dict[str, float]()
    truth, outputs = evaluation.y_true, evaluation.outputs
    if not task.parts or truth.shape != outputs.shape or (len(task.parts) == 1 and not task.parts[0].classes):
        return {name: r2(evaluation)}
    for part in task.parts:
        columns, where = list(part.columns), f" of {_in_words(part.columns)}" if len(task.parts) > 1 else ""
        found[name + where] = r2(Evaluation(truth[..., columns], outputs[..., columns]))
        if part.classes:
            named = np.asarray(truth[..., columns].argmax(axis=-1))
            key = prefixed(tasks, task, "accuracy") + where
            found[key] = accuracy(Evaluation(named, outputs[..., columns]))
    return found


def _in_words(columns: Sequence[int]) -> str:
    if len(columns) == 1:
        return f"column {columns[0]}"
    if list(columns) == list(range(columns[0], columns[-1] + 1)):
        return f"columns {columns[0]} to {columns[-1]}"
    return f"columns {', '.join(map(str, columns))}"


def _checked(
    task: OutputTask, y: np.ndarray, outputs: np.ndarray, inputs: Optional[np.ndarray],  # noqa: UP045
    threshold: Optional[float],  # noqa: UP045
) -> Evaluation:
    if len(y) != len(outputs):
        raise InputError(
            f"There are {len(outputs)} outputs for {len(y)} labels.", "Expected one output per label.",
            "Pass outputs and labels of the same samples.",
        )
    return evaluation_of(task, np.asarray(y), np.asarray(outputs), inputs, threshold)
