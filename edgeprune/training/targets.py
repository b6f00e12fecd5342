"""What a fine-tuned model learns: labels, mixed with what the original model answers.

Distillation (Hinton et al. 2015, arXiv 1503.02531) at temperature 1: the target distribution is
``share · original + (1 - share) · labels``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

Loss = Literal["categorical", "binary", "squared"]


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """Targets of one epoch.

    Attributes:
        values: same shape as the model's output.
        weights: 0 where a label says that nothing counts, else 1; None where everything counts.
        loss: what compares them with the output.
    """

    values: np.ndarray
    weights: np.ndarray | None
    loss: Loss


def loss_for(answers: np.ndarray, labels: np.ndarray | None) -> Loss:
    """The loss that fits a model's answers: class probabilities, one probability, or values."""
    if answers.shape[-1] > 1 and np.allclose(answers.sum(-1), 1, atol=1e-3) and answers.min() >= 0:
        return "categorical"
    single = answers.shape[-1] == 1 and answers.min() >= 0 and answers.max() <= 1
    if single and (labels is None or np.isin(np.unique(labels), (0, 1)).all()):
        return "binary"
    return "squared"


def mix(answers: np.ndarray, labels: np.ndarray | None, share: float) -> Targets:
    """Mixes the original's answers with labels.

    Args:
        answers: (N, …, C) of the original model.
        labels: (N, …) class numbers, -1 where nothing counts; values of the shape of `answers`;
            None, or labels that do not align with the answers (CTC), leave the answers alone.
        share: of the answers, 0 to 1.
    """
    loss = loss_for(answers, labels)
    if labels is None:
        return Targets(answers, None, loss)
    if loss == "categorical" and labels.shape == answers.shape[:-1]:
        counted = labels >= 0
        wanted = np.eye(answers.shape[-1], dtype=answers.dtype)[np.maximum(labels, 0)]
        values = share * answers + (1 - share) * wanted
        return Targets(values, None if counted.all() else counted.astype(np.float32), loss)
    if loss != "categorical" and labels.size == answers.size:
        values = share * answers + (1 - share) * labels.reshape(answers.shape).astype(answers.dtype)
        return Targets(values, None, loss)
    return Targets(answers, None, loss)


def keras_loss(keras: Any, loss: Loss) -> Any:
    """The Keras loss object."""
    return {
        "categorical": keras.losses.CategoricalCrossentropy,
        "binary": keras.losses.BinaryCrossentropy,
        "squared": keras.losses.MeanSquaredError,
    }[loss]()


def loss_value(targets: Targets, outputs: np.ndarray) -> float:
    """The mean loss of outputs, so that a model can be judged between training steps.

    Args:
        targets: of the same samples.
        outputs: of the model, shaped like the targets' values.
    """
    values, found = targets.values.astype(np.float64), outputs.astype(np.float64)
    tiny = 1e-7
    if targets.loss == "squared":
        each = np.square(values - found).mean(-1)
    elif targets.loss == "binary":
        found = np.clip(found, tiny, 1 - tiny)
        each = -(values * np.log(found) + (1 - values) * np.log(1 - found)).mean(-1)
    else:
        each = -(values * np.log(np.maximum(found, tiny))).sum(-1)
    return float(np.average(each, weights=targets.weights))
