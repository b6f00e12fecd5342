"""How wrong a model is on each sample, whatever the task: what tells two ways of feeding it apart."""

from __future__ import annotations

from typing import Optional

import numpy as np

from edgeprune.metrics import METRICS
from edgeprune.metrics.anomaly import reconstruction_error
from edgeprune.tasks.keypoint_forms import nearest_form
from edgeprune.tasks.output_task import evaluation_of, for_metrics
from edgeprune.types import OutputTask

_MOST = 10.0
"""One sample counts this much at most: a wrong scale must not decide by a single overflow."""
_TINY = 1e-7
_GROUP = 16
_POINT_AXES = 3  # samples, points, x and y


def sample_losses(
    task: OutputTask, y: np.ndarray, outputs: np.ndarray, inputs: Optional[np.ndarray] = None,  # noqa: UP045
    temperature: float = 1.0,
) -> Optional[np.ndarray]:  # noqa: UP045
    """Losses (N,), 0 to 10, of labels and outputs (N, …); None for a task that no loss can be given for.

    Cross-entropy of classes and labels, squared error of values and points in units of their variance, 1 -
    cosine of directions; of tasks without a loss for one sample, what is missing to a full score, for groups
    of samples.

    Args:
        temperature: class scores are divided by it before the softmax or sigmoid (Guo et al. 2017).
    """
    if task.kind in ("classes", "binary", "multi_label"):
        truth = for_metrics(task, y, outputs)
        if task.kind == "classes" and outputs.shape[:-1] == truth.shape:
            return _categorical(truth, outputs, temperature)
        if truth.size == outputs.size:
            return _binary(truth, outputs, temperature, logits=task.threshold == 0)
    if task.kind in ("directions", "keypoints"):
        return _of_directions(y, outputs) if task.kind == "directions" else _of_points(y, outputs, inputs)
    if task.kind in ("values", "image") and y.size == outputs.size:
        found = outputs.reshape(y.shape)
        return _squared(y, best_line(y, found) if task.kind == "image" else found)
    if task.kind == "anomaly" and inputs is not None and inputs.size == outputs.size:
        error = reconstruction_error(inputs, outputs) / max(float(np.var(inputs.astype(np.float64))), _TINY)
        return np.where(y.reshape(-1) > 0, 0.0, np.minimum(error, _MOST))
    return _missing(task, y, outputs) if task.kind in ("sequence", "boxes", "classes") else None


def _of_directions(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """1 - cosine, the mean of each sample's vectors."""
    truth, found = y.astype(np.float64), outputs.astype(np.float64)
    lengths = np.linalg.norm(truth, axis=-1) * np.linalg.norm(found, axis=-1)
    each = 1 - (truth * found).sum(axis=-1) / np.maximum(lengths, _TINY)
    return np.asarray(each.reshape(len(y), -1).mean(axis=1))


def _of_points(
    y: np.ndarray, outputs: np.ndarray, inputs: Optional[np.ndarray]  # noqa: UP045
) -> Optional[np.ndarray]:  # noqa: UP045
    """Of points in the form that is nearest to the outputs; of heat maps as passed, of their pixels."""
    if y.shape == outputs.shape and y.ndim > _POINT_AXES:
        return _squared(np.nan_to_num(y), outputs)
    size = None if inputs is None or inputs.ndim < _POINT_AXES else (inputs.shape[1], inputs.shape[2])
    return nearest_form(y, outputs, size)[1]


def best_line(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """``a * outputs + b`` with a and b of least squared error, a not negative: what an image shows.

    Its brightness and contrast may be off where its structure is right.
    """
    found, truth = outputs.astype(np.float64), y.astype(np.float64)
    variance = float(found.var())
    slope = float(((found - found.mean()) * (truth - truth.mean())).mean()) / variance if variance else 0.0
    return np.asarray(max(slope, 0.0) * (found - found.mean()) + truth.mean())


def _categorical(truth: np.ndarray, outputs: np.ndarray, temperature: float) -> np.ndarray:
    """Mean over the positions that count."""
    scores = outputs.astype(np.float64)
    if scores.min() >= 0 and np.allclose(scores.sum(-1), 1, atol=1e-2):
        scores = np.log(np.maximum(scores, _TINY))
    scores = scores / temperature
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    raised /= raised.sum(-1, keepdims=True)
    named = np.take_along_axis(raised, np.maximum(truth, 0)[..., None], axis=-1)[..., 0]
    return _counted(-np.log(np.maximum(named, _TINY)), truth)


def _binary(truth: np.ndarray, outputs: np.ndarray, temperature: float, *, logits: bool) -> np.ndarray:
    found = outputs.reshape(truth.shape).astype(np.float64)
    if not logits:
        found = np.clip(found, _TINY, 1 - _TINY)
        found = np.log(found / (1 - found))
    found = np.clip(1 / (1 + np.exp(-np.clip(found / temperature, -50, 50))), _TINY, 1 - _TINY)
    each = -(truth * np.log(found) + (1 - truth) * np.log(1 - found))
    return _counted(each, truth)


def _counted(losses: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Means (N,) over what counts; -1 does not."""
    each = np.minimum(losses, _MOST).reshape(len(truth), -1)
    counts = (truth >= 0).reshape(len(truth), -1)
    return np.asarray((each * counts).sum(1) / np.maximum(counts.sum(1), 1))


def _squared(y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    truth = y.reshape(len(y), -1).astype(np.float64)
    found = outputs.reshape(len(y), -1).astype(np.float64)
    variance = truth.var(axis=0)
    variance = np.where(variance > 0, variance, max(float(variance.max()), _TINY))
    return np.asarray(np.minimum(np.square(truth - found) / variance, _MOST).mean(1))


def _missing(task: OutputTask, y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """1 - score of groups of samples, each sample's that of its group."""
    metric = METRICS[task.metrics[0]]
    losses = np.empty(len(y))
    for start in range(0, len(y), _GROUP):
        rows = slice(start, start + _GROUP)
        value = metric.compute(evaluation_of(task, y[rows], outputs[rows]))[metric.name]
        losses[rows] = min(1 - value if metric.higher_is_better else value, _MOST)
    return losses
