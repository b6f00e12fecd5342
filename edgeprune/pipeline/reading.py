"""What a build decided about model and data before it trains anything: loss, metrics, reasons to doubt."""

from __future__ import annotations

import dataclasses

from edgeprune.data.dataset import Dataset
from edgeprune.data.decisions import ReadingDecision, sizes
from edgeprune.training.objective import TrainingObjective


def with_sizes(data: Dataset) -> Dataset:
    """Data that tells how many samples its splits have, whoever made it."""
    if any(one.subject == "samples" for one in data.decisions):
        return data
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    found = sizes({name: len(split) for name, split in splits.items()})
    return dataclasses.replace(data, decisions=(found, *data.decisions))


def loss_decision(objective: TrainingObjective, data: Dataset) -> ReadingDecision:
    """The loss of each output."""
    if len(objective.objectives) == 1:
        return ReadingDecision("loss", f"{objective.objectives[0].origin}.")
    pairs = zip(data.tasks, objective.objectives, strict=True)
    return ReadingDecision("loss", f"{'; '.join(f'{task.name}: {one.origin}' for task, one in pairs)}.")


def metric_decision(data: Dataset) -> ReadingDecision:
    """What the result is judged by: the first metric of each output."""
    if len(data.tasks) == 1:
        first, *others = data.tasks[0].metrics
        also = f"Also shown: {', '.join(others)}." if others else ""
        return ReadingDecision("metric", f"{first}.", also)
    listed = "; ".join(f"{task.name}: {task.metrics[0]}" for task in data.tasks)
    return ReadingDecision("metric", f"{listed}. The output that loses most decides.")
