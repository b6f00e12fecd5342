"""Is a model better than a constant answer? If not, it was fed wrongly, or not trained on such data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Optional, Union

import numpy as np

from edgeprune.metrics import METRICS
from edgeprune.metrics.embedding import cosine_similarity
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.metrics.keypoints import points_of
from edgeprune.metrics.regression import r2
from edgeprune.tasks.output_task import Targets, evaluation_of, several
from edgeprune.tasks.sample_loss import best_line
from edgeprune.types import OutputTask

_DEVIATIONS = 2.33
"""A useless model passes by chance once in a hundred times."""
_NOTHING = 0.01  # of the variance of pictures, after the best brightness and contrast
_FEWEST = 4  # labels; fewer say nothing


def useless_outputs(
    tasks: Sequence[OutputTask], y: Union[np.ndarray, Targets, None], outputs: Sequence[np.ndarray],  # noqa: UP007
    inputs: Optional[np.ndarray] = None,  # noqa: UP045
) -> tuple[tuple[str, ...], bool]:
    """Why outputs are no better than a constant answer, a clause each, and whether none of all is better.

    An output without labels, or with too few, says nothing.
    """
    found, better = [], False
    for task, truth, output in zip(tasks, several(y, len(tasks)), outputs):
        if truth is None or len(truth) < _FEWEST:
            continue
        why = _useless(task, np.asarray(truth), np.asarray(output), inputs)
        if why is None:
            better = True
        else:
            found.append(f"{task.name}: {why}" if len(tasks) > 1 else why)
    return tuple(found), bool(found) and not better


def distant_pictures(
    tasks: Sequence[OutputTask], y: Union[np.ndarray, Targets, None], outputs: Sequence[np.ndarray],  # noqa: UP007
) -> tuple[str, ...]:
    """Outputs that show what is wanted, but farther from it than always giving the mean: a clause each."""
    found = []
    for task, truth, output in zip(tasks, several(y, len(tasks)), outputs):
        if task.kind != "image" or truth is None or len(truth) < _FEWEST:
            continue
        if _useless(task, truth, output, None):
            continue
        value = r2(evaluation_of(task, truth, output))
        if value <= 0:
            where = f"output '{task.name}': " if len(tasks) > 1 else "outputs: "
            found.append(
                f"{where}R² is {value:.3g}, always giving the mean has 0: its pictures show what is wanted, "
                "but their brightness or contrast is off"
            )
    return tuple(found)


def _useless(
    task: OutputTask, y: np.ndarray, outputs: np.ndarray, inputs: Optional[np.ndarray],  # noqa: UP045
) -> Optional[str]:  # noqa: UP045
    if not np.isfinite(outputs).all():
        return "it gives NaN or infinity"
    if task.kind in ("classes", "binary") and task.metrics[0] != "entity_f1":
        return _of_classes(task, y, outputs)
    if task.kind in _BY_KIND:
        return _BY_KIND[task.kind](y, outputs)
    if task.kind in ("values", "image"):
        return _of_values(task, y, outputs)
    return _of_metric(task, y, outputs, inputs)


def _of_values(task: OutputTask, y: np.ndarray, outputs: np.ndarray) -> Optional[str]:  # noqa: UP045
    if y.size != outputs.size or not float(np.var(y)):
        return None
    if task.kind == "image":  # a picture that is too dark is not one that is the same always
        explained = 1 - float(np.square(y - best_line(y, outputs.reshape(y.shape))).mean() / np.var(y))
        return "its pictures have nothing of those that are wanted" if explained <= _NOTHING else None
    value = r2(evaluation_of(task, y, outputs))
    return f"R² is {value:.3g}; always giving the mean has 0" if value <= 0 else None


def _of_directions(y: np.ndarray, outputs: np.ndarray) -> Optional[str]:  # noqa: UP045
    """Mean cosine against that of the mean direction."""
    unit = y / np.maximum(np.linalg.norm(y, axis=-1, keepdims=True), np.finfo(np.float32).tiny)
    mean = np.broadcast_to(unit.mean(axis=0), y.shape)
    value, constant = (cosine_similarity(Evaluation(y, one)) for one in (outputs, mean))
    if value > constant:
        return None
    return f"its mean cosine similarity is {value:.3g}; always giving the mean direction has {constant:.3g}"


def _of_points(y: np.ndarray, outputs: np.ndarray) -> Optional[str]:  # noqa: UP045
    """R² of the places of all labelled points."""
    truth, there = points_of(y)
    found, _ = points_of(outputs, truth.shape[1])
    if not there.any():
        return None
    counted = np.maximum(there.sum(axis=0), 1)[:, None]
    mean = np.where(there[..., None], truth, 0).sum(axis=0) / counted
    spread = float(np.square(truth - mean)[there].sum())
    value = 1 - float(np.square(truth - found)[there].sum()) / spread if spread else 1.0
    return f"R² of its points is {value:.3g}; always giving the mean has 0" if value <= 0 else None


def _of_metric(
    task: OutputTask, y: np.ndarray, outputs: np.ndarray, inputs: Optional[np.ndarray],  # noqa: UP045
) -> Optional[str]:  # noqa: UP045
    """By the primary metric, of which a constant answer has nothing."""
    if task.kind in ("original", "embedding"):
        return None
    metric = METRICS[task.metrics[0]]
    value = metric.compute(evaluation_of(task, y, outputs, inputs))[metric.name]
    score = value if metric.higher_is_better else 1 - value
    least = 0.5 + _DEVIATIONS / math.sqrt(12 * max(_rarest(y), 1)) if metric.name == "roc_auc" else 0.0
    useless = score <= min(least, 0.75)
    return f"{metric.name} is {value:.3g}, which a constant answer reaches" if useless else None


def _of_classes(task: OutputTask, y: np.ndarray, outputs: np.ndarray) -> Optional[str]:  # noqa: UP045
    evaluation = evaluation_of(task, y, outputs)
    truth, found = evaluation.y_true, evaluation.predicted()
    samples = np.broadcast_to(np.arange(len(truth)).reshape(-1, *(1,) * (truth.ndim - 1)), truth.shape)
    recalls, counts = [], []
    for label in np.unique(truth[truth >= 0]):
        mine = truth == label
        recalls.append(float((found[mine] == label).mean()))
        counts.append(len(np.unique(samples[mine])))  # positions of one sample are not independent
    return _of_recalls(recalls, counts, "always naming one class")


def _of_labels(y: np.ndarray, outputs: np.ndarray) -> Optional[str]:  # noqa: UP045
    """The mean ROC-AUC of the labels that have both values."""
    truth, found = y.reshape(-1, y.shape[-1]) > 0, outputs.reshape(-1, y.shape[-1])
    areas = []
    for column in range(truth.shape[1]):
        yes, score = truth[:, column], found[:, column]
        if not yes.any() or yes.all():
            continue
        higher = (score[yes][:, None] > score[~yes][None]).mean()
        equal = (score[yes][:, None] == score[~yes][None]).mean()
        areas.append(higher + equal / 2)
    if not areas:
        return None
    value = float(np.mean(areas))
    counts = [max(_rarest(truth[:, column]), 1) for column in range(truth.shape[1])]
    margin = _DEVIATIONS / math.sqrt(12 * float(np.mean(counts)) * len(areas))
    if value <= min(0.5 + margin, 0.75):
        return f"the mean ROC-AUC of its labels is {value:.3g}; a constant answer has 0.5"
    return None


def _of_recalls(recalls: Sequence[float], counts: Sequence[int], constant: str) -> Optional[str]:  # noqa: UP045
    """Balanced accuracy against 1 / classes, with what chance allows for so few samples."""
    classes = len(recalls)
    if classes < 2:
        return None
    chance = 1 / classes
    deviation = math.sqrt(chance * (1 - chance) * sum(1 / count for count in counts)) / classes
    least = min(chance + _DEVIATIONS * deviation, chance + (1 - chance) / 2)
    value = float(np.mean(recalls))
    if value > least:
        return None
    return f"its balanced accuracy is {100 * value:.1f} %; {constant} has {100 * chance:.1f} %"


def _rarest(y: np.ndarray) -> int:
    """Samples of the rarer of two values."""
    positive = int((y > 0).sum())
    return min(positive, y.size - positive)


_BY_KIND: Mapping[str, Callable[[np.ndarray, np.ndarray], Optional[str]]] = {  # noqa: UP045
    "multi_label": _of_labels, "keypoints": _of_points, "directions": _of_directions,
}
