"""What a build decided about model and data before it trains anything: loss, metrics, reasons to doubt."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.data.dataset import Dataset
from edgeprune.data.decisions import ReadingDecision, sizes
from edgeprune.errors import InputError
from edgeprune.tasks import OwnMetric, less_is_better
from edgeprune.training.objective import TrainingObjective


def with_sizes(data: Dataset) -> Dataset:
    """Data that tells how many samples its splits have, whoever made it."""
    if any(one.subject == "samples" for one in data.decisions):
        return data
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    found = sizes({name: len(split) for name, split in splits.items()})
    return dataclasses.replace(data, decisions=(found, *data.decisions))


def with_own_metric(
    data: Dataset, metric: OwnMetric, predictions: Sequence[np.ndarray], *, unlabelled: bool
) -> Dataset:
    """Data that the user's own metric judges, once it was tried on the original model's predictions.

    Raises:
        InputError: there are no labels to compare with, or the function gives no figures.
    """
    if unlabelled:
        raise InputError(
            f"The metric {metric.origin} compares outputs with labels, and the data has none.",
            "Labelled data is expected.", "Add labels, or leave --metric out.",
        )
    tried = metric.tried(data.validation.compared(data.tasks), predictions)
    return dataclasses.replace(data, own_metric=tried)


def loss_decision(objective: TrainingObjective, data: Dataset) -> ReadingDecision:
    """The loss of each output."""
    if len(objective.objectives) == 1:
        return ReadingDecision("loss", f"{objective.objectives[0].origin}.")
    pairs = zip(data.tasks, objective.objectives, strict=True)
    listed = [f"{task.name}: {one.origin}" for task, one in pairs if task.kind != "random"]
    return ReadingDecision("loss", f"{'; '.join(listed)}.")


def metric_decision(data: Dataset) -> ReadingDecision:
    """What the result is judged by: the first metric of each output."""
    own = data.own_metric
    if own is not None:
        better = "Less" if less_is_better(own.primary) else "More"
        return ReadingDecision("metric", f"{own.primary}, of {own.origin}. {better} of it is better.")
    if len(data.tasks) == 1:
        first, *others = data.tasks[0].metrics
        also = f"Also shown: {', '.join(others)}." if others else ""
        return ReadingDecision("metric", f"{first}.", also)
    listed = "; ".join(f"{task.name}: {task.metrics[0]}" for task in data.tasks if task.metrics)
    return ReadingDecision("metric", f"{listed}. The output that loses most decides.")
