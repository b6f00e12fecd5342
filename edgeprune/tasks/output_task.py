"""Labels of an output in the forms that metrics and readers want."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import numpy as np

from edgeprune.metrics.evaluation import Evaluation
from edgeprune.tasks.detection import detections
from edgeprune.types import OutputTask

Targets = tuple[Optional[np.ndarray], ...]  # noqa: UP045
"""Labels of each output in the model's order; None for an output without labels."""


def evaluation_of(
    task: OutputTask, y: np.ndarray, outputs: np.ndarray, inputs: Optional[np.ndarray] = None,  # noqa: UP045
    threshold: Optional[float] = None,  # noqa: UP045
) -> Evaluation:
    """Labels and outputs of the same samples in the form that metrics read.

    Args:
        inputs: of the model, which an autoencoder that finds anomalies is compared with.
        threshold: instead of the task's own.
    """
    if task.kind == "boxes" and outputs.ndim == 4:
        outputs = detections(outputs)
    return Evaluation(
        for_metrics(task, y, outputs), outputs, task.classes or None,
        inputs if task.kind == "anomaly" else None, task.threshold if threshold is None else threshold,
    )


def for_metrics(task: OutputTask, y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Labels as metrics read them: class numbers (N, …) of one-hot ones, without a last axis of 1.

    -1 stands for what is no class, such as 255 or -100 that a loss of its author's own leaves out.
    """
    if task.kind == "classes":
        if y.shape == outputs.shape and y.ndim > 1 and y.shape[-1] > 1:
            return np.asarray(np.argmax(y, axis=-1), np.int64)
        if y.ndim == outputs.ndim and y.shape[-1] == 1:
            y = y[..., 0]
        return _inside(y, outputs.shape[-1]) if y.shape == outputs.shape[:-1] else y.astype(np.int64)
    if task.kind == "binary":
        bare = outputs.shape[:-1] if outputs.ndim > 1 and outputs.shape[-1] == 1 else outputs.shape
        return _inside(y.reshape(bare), 2)
    return y


def _inside(y: np.ndarray, classes: int) -> np.ndarray:
    numbers = y.astype(np.int64)
    return np.where((numbers < 0) | (numbers >= classes), -1, numbers) if y.ndim > 1 else numbers


def several(y: Union[np.ndarray, Targets, None], outputs: int = 1) -> Targets:  # noqa: UP007
    """Labels by output: an array alone belongs to the first of `outputs`."""
    if isinstance(y, tuple):
        return y
    return (y,) + (None,) * (outputs - 1)


def prefixed(tasks: Sequence[OutputTask], task: OutputTask, name: str) -> str:
    """A figure's name among those of all outputs: ``box/r2``, or ``r2`` for the only output."""
    return f"{task.name}/{name}" if len(tasks) > 1 else name
