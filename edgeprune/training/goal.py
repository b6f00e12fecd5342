"""What fine-tuning aims at, for all outputs of a model together."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.data.streamed import batches_of, is_streamed
from edgeprune.training.objective import Objective, Targets, keras_loss, loss_value, mix, objective_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Outputs = tuple[np.ndarray, ...]


def predict(model: Any, inputs: Any) -> Outputs:
    """A Keras model's outputs, one array each; a dictionary of them in the order of its names.

    Streamed inputs are read a batch at a time.
    """
    if is_streamed(inputs):
        parts = [_predict(model, batch) for batch in batches_of(inputs)]
        return tuple(np.concatenate(several) for several in zip(*parts, strict=True))
    return _predict(model, inputs)


def _predict(model: Any, inputs: Any) -> Outputs:
    return flat_outputs(model, model.predict(inputs, batch_size=256, verbose=0))


def flat_outputs(model: Any, found: Any) -> Outputs:
    """What a model gave, one array for each output."""
    if isinstance(found, dict):
        found = [found[name] for name in getattr(model, "output_names", found)]
    several = found if isinstance(found, (list, tuple)) else (found,)
    return tuple(np.asarray(one) for one in several)


@dataclasses.dataclass(frozen=True, eq=False)
class Goal:
    """Objectives of all outputs. Labels belong to the first; the others learn the original's answers.

    Attributes:
        objectives: one for each output.
        share: of the original's answers in the targets.
        class_weight: what a sample of each class counts; None: all the same.
    """

    objectives: tuple[Objective, ...]
    share: float
    class_weight: np.ndarray | None = None

    def targets(self, answers: Outputs, labels: np.ndarray | None) -> tuple[Targets, ...]:
        """What each output should give."""
        found = [
            mix(objective, answer, labels if number == 0 else None, self.share)
            for number, (objective, answer) in enumerate(zip(self.objectives, answers, strict=True))
        ]
        if self.class_weight is not None and labels is not None and labels.ndim == 1:
            counted = self.class_weight[np.clip(labels, 0, len(self.class_weight) - 1)].astype(np.float32)
            first = found[0].weights
            found[0] = dataclasses.replace(found[0], weights=counted if first is None else first * counted)
        return tuple(found)

    def losses(self, model: Any, answers: Outputs, targets: Sequence[Targets]) -> list[Any]:
        """Keras losses, one for each output."""
        return [
            keras_loss(model, objective, answer, self.share, target)
            for objective, answer, target in zip(self.objectives, answers, targets, strict=True)
        ]

    def value(self, targets: Sequence[Targets], outputs: Outputs) -> float:
        """The loss of outputs, summed over them; smaller is better."""
        return sum(
            loss_value(objective, target, output, self.share)
            for objective, target, output in zip(self.objectives, targets, outputs, strict=True)
        )


def goal_of(
    model: Any, answers: Outputs, labels: np.ndarray | None, share: float, *, balanced: bool = False
) -> Goal:
    """The goal of training a model like `model`.

    Args:
        model: the original.
        answers: its outputs for some samples.
        labels: of those, or None.
        share: of the answers in the targets.
        balanced: whether classes count alike, however many samples they have.
    """
    objectives = tuple(
        objective_of(model, answer, labels if number == 0 else None, number)
        for number, answer in enumerate(answers)
    )
    weight = None
    if balanced and labels is not None and labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        counts = np.bincount(labels[labels >= 0])
        weight = np.divide(counts.sum(), len(counts) * counts, where=counts > 0, out=np.zeros(len(counts)))
    return Goal(objectives, share, weight)
