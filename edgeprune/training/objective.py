"""What a model's outputs are trained towards: as it was compiled, or as predictions and labels suggest.

Distillation (Hinton et al. 2015, arXiv 1503.02531) at temperature 1: the targets are
``weight · teacher + (1 - weight) · labels``, as probabilities where the outputs are.

Of classes, a teacher counts as much as it knows about the sample: ``weight = ratio · skill²``. Its skill is
1 if it is certain of the label and 0 if it only guesses, see `_skill`. Where it is wrong, the label stands
alone (a teacher's errors cost its student more than they tell; Wen et al. 2019, arXiv 1911.07471). A fixed
weight holds the student of a teacher that was trained too little at its level. Measured with half of the
neurons and ``ratio`` 0.7, as cross-entropy on test data after four epochs (accuracy): FSDD, teacher 84.3 %,
0.630 with the fixed weight (91.0 %) and 0.514 with this one (91.7 %); teacher 96.0 %, 0.1345 and 0.1329 (both
96.3 %); IMDB, teacher 53.8 %, 0.697 (50.0 %) and 0.690 (64.2 %); teacher 77.5 %, 0.488 and 0.432 (both
80.3 %).

A compiled loss that is none of Keras' plain cross-entropies and squared error is called as Keras calls it,
see `edgeprune.training.compiled_loss`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from edgeprune.data.model_signature import loss_name
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLoss, KerasModel
from edgeprune.tasks import Targets, several
from edgeprune.training.compiled_loss import (
    CompiledLoss,
    compiled_for,
    is_plain,
    losses_of,
    output_weight,
    takes_logits,
)
from edgeprune.training.prediction import Predictions

LossKind = Literal["categorical", "binary", "squared", "compiled"]
_PLAIN: dict[str, LossKind] = {
    "sparse_categorical_crossentropy": "categorical", "categorical_crossentropy": "categorical",
    "binary_crossentropy": "binary", "mean_squared_error": "squared",
}
_IN_WORDS = {"categorical": "cross-entropy", "binary": "binary cross-entropy", "squared": "squared error"}


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingTargets:
    """What one output is trained towards."""

    values: np.ndarray  # same shape as the output; for a compiled loss (N, labels + outputs), both flat
    weights: np.ndarray | None  # of each sample (or token), 0 where a label says so; None: all 1
    labelled: bool  # whether labels are part of the values


@dataclasses.dataclass(frozen=True, eq=False)
class Objective:
    """How one output is compared with its targets."""

    kind: LossKind
    logits: bool = False  # outputs are not probabilities yet
    compiled: CompiledLoss | None = None  # of the kind "compiled"
    origin: str = ""  # how it was found, for people
    teacher_ratio: float = 0.0  # of a certain teacher's predictions in the targets; 1 leaves labels out
    weight: float = 1.0  # of this output in the sum of all losses

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as they are compared: behind their softmax or sigmoid where the model has none."""
        if not self.logits or self.kind not in ("categorical", "binary"):
            return outputs
        if self.kind == "binary":
            return np.asarray(1 / (1 + np.exp(-outputs)), outputs.dtype)
        raised = np.exp(outputs - outputs.max(-1, keepdims=True))
        return np.asarray(raised / raised.sum(-1, keepdims=True), outputs.dtype)

    def targets(
        self, predictions: np.ndarray, labels: np.ndarray | None, weights: np.ndarray | None = None
    ) -> TrainingTargets:
        """The teacher's predictions (N, …, C) combined with labels.

        These are (N, …) class numbers, -1 where nothing counts, values of the predictions' shape, or what
        a compiled loss takes. Without labels, or with ones that do not align, the predictions are targets.

        Args:
            weights: what each sample (N,) or each position (N, …) counts.
        """
        taught = self.probabilities(predictions)
        if labels is None:
            return TrainingTargets(taught, weights, False)
        labels = _without_gaps(labels, predictions)
        if self.compiled is not None:
            counted = _counted(labels, predictions) if self.compiled.void is not None else None
            packed = self.compiled.packed(labels, predictions)
            return TrainingTargets(packed, _product(counted, weights), True)
        if labels.ndim == predictions.ndim and labels.shape[-1] == 1 < predictions.shape[-1]:
            labels = labels[..., 0]
        if labels.shape == predictions.shape[:-1] and predictions.shape[-1] > 1:
            numbers = labels.astype(np.int64)
            counted = numbers >= 0
            wanted = np.eye(predictions.shape[-1], dtype=predictions.dtype)[np.maximum(numbers, 0)]
            mask = None if counted.all() else counted.astype(np.float32)
            return TrainingTargets(self._combined(taught, wanted), _product(mask, weights), True)
        if labels.size == predictions.size:
            wanted = labels.reshape(predictions.shape).astype(predictions.dtype)
            if self.kind == "binary" and predictions.shape[-1] == 1 and (wanted < 0).any():
                counted = (wanted[..., 0] >= 0).astype(np.float32)
                wanted, weights = np.maximum(wanted, 0), _product(counted, weights)
            return TrainingTargets(self._combined(taught, wanted), weights, True)
        return TrainingTargets(taught, weights, False)

    def _combined(self, taught: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Both together: the teacher counts by its skill where it says classes, by the ratio elsewhere."""
        weight = np.float32(self.teacher_ratio)
        if weight < 1 and self.kind != "squared":
            weight = weight * _skill(taught, wanted, by_class=self.kind == "categorical") ** 2
        return np.asarray(weight * taught + (1 - weight) * wanted, taught.dtype)

    def keras_loss(self, model: KerasModel, predictions: np.ndarray, targets: TrainingTargets) -> KerasLoss:
        """The loss of the model's own Keras version for `targets`."""
        losses = keras_of(model).losses
        if self.compiled is not None and targets.labelled:
            return self.compiled.distilled(keras_of(model), predictions, self.teacher_ratio)
        if self.kind == "categorical":
            return losses.CategoricalCrossentropy(from_logits=self.logits)
        if self.kind == "binary":
            return losses.BinaryCrossentropy(from_logits=self.logits)
        return losses.MeanSquaredError()

    def value(self, targets: TrainingTargets, outputs: np.ndarray) -> float:
        """The mean loss of outputs, which tells how good a model is between training steps."""
        if self.compiled is not None and targets.labelled:
            return self.compiled.value(targets.values, outputs, targets.weights, self.teacher_ratio)
        found = self.probabilities(outputs).astype(np.float64)
        values, tiny = targets.values.astype(np.float64), 1e-7
        if self.kind == "binary":
            found = np.clip(found, tiny, 1 - tiny)
            each = -(values * np.log(found) + (1 - values) * np.log(1 - found)).mean(-1)
        elif self.kind == "categorical":
            each = -(values * np.log(np.maximum(found, tiny))).sum(-1)
        else:
            each = np.square(values - found).mean(-1)
        weights = targets.weights
        if weights is not None and weights.ndim < each.ndim:
            weights = np.broadcast_to(_with_axes(weights, each.ndim), each.shape)
        return float(np.average(each, weights=weights))


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingObjective:
    """Objectives of all outputs; an output without labels learns the teacher's predictions."""

    objectives: tuple[Objective, ...]
    class_weight: np.ndarray | None = None  # what a sample of each class counts; None: all the same

    def without(self, outputs: Sequence[int]) -> TrainingObjective:
        """The objective in which some outputs, by number, count nothing."""
        nothing = Objective("squared", origin="none", weight=0.0)
        kept = tuple(nothing if place in outputs else one for place, one in enumerate(self.objectives))
        return dataclasses.replace(self, objectives=kept)

    def targets(
        self, predictions: Predictions, labels: np.ndarray | Targets | None,
        weights: np.ndarray | Targets | None = None,
    ) -> tuple[TrainingTargets, ...]:
        """Targets of each output: the teacher's predictions, labels, and what samples or positions count."""
        each = several(labels, len(predictions))
        counts = weights if isinstance(weights, tuple) else (weights,) * len(predictions)
        found = [
            objective.targets(output, y, counted)
            for objective, output, y, counted in zip(self.objectives, predictions, each, counts, strict=True)
        ]
        first = each[0]
        if self.class_weight is not None and first is not None and first.ndim == 1:
            counted = self.class_weight[np.clip(first, 0, len(self.class_weight) - 1)].astype(np.float32)
            found[0] = dataclasses.replace(found[0], weights=_product(found[0].weights, counted))
        return tuple(found)

    def keras_losses(
        self, model: KerasModel, predictions: Predictions, targets: Sequence[TrainingTargets]
    ) -> list[KerasLoss]:
        """One loss for each output."""
        triples = zip(self.objectives, predictions, targets, strict=True)
        return [objective.keras_loss(model, output, target) for objective, output, target in triples]

    def loss_weights(self) -> list[float] | None:
        """Of each output in the sum; None where all count alike."""
        weights = [objective.weight for objective in self.objectives]
        return None if all(weight == 1 for weight in weights) else weights

    def value(self, targets: Sequence[TrainingTargets], predictions: Predictions) -> float:
        """The loss of predictions, summed over the outputs; smaller is better."""
        triples = zip(self.objectives, targets, predictions, strict=True)
        counted = [triple for triple in triples if triple[0].weight]
        return float(sum(one.weight * one.value(target, output) for one, target, output in counted))


def training_objective(
    model: KerasModel, predictions: Predictions, labels: np.ndarray | Targets | None, teacher_ratio: float, *,
    balanced: bool = False, loss: object = None,
) -> TrainingObjective:
    """The objective of training a model like the teacher `model`, given its predictions for some samples.

    `balanced`: classes count alike, however many samples they have; `loss` counts instead of the compiled
    one.

    Raises:
        InputError: labels that a compiled loss cannot read.
    """
    each = [
        None if y is None else _without_gaps(y, output)
        for y, output in zip(several(labels, len(predictions)), predictions, strict=True)
    ]
    objectives = tuple(
        dataclasses.replace(objective_of(model, output, y, number, loss), teacher_ratio=teacher_ratio)
        for number, (output, y) in enumerate(zip(predictions, each, strict=True))
    )
    weight, first = None, each[0]
    if balanced and first is not None and first.ndim == 1 and np.issubdtype(first.dtype, np.integer):
        counts = np.bincount(first[first >= 0])
        weight = np.divide(counts.sum(), len(counts) * counts, where=counts > 0, out=np.zeros(len(counts)))
    return TrainingObjective(objectives, weight)


def objective_of(
    model: KerasModel, predictions: np.ndarray, labels: np.ndarray | None, output: int = 0,
    stated: object = None,
) -> Objective:
    """The objective of output number `output`: (N, …, C) predictions and (N, …) labels or None."""
    losses = losses_of(model, output, stated)
    weight = output_weight(model, output)
    if len(losses) == 1:
        (loss, _), name = losses[0], loss_name(losses[0][0])
        if name in _PLAIN and is_plain(loss):
            return Objective(_PLAIN[name], takes_logits(loss), origin=_origin(name, stated), weight=weight)
    if losses and labels is not None and len(labels):
        names = " and ".join(loss_name(loss) for loss, _ in losses)
        compiled = compiled_for(keras_of(model), losses, labels, predictions)
        return Objective("compiled", compiled=compiled, origin=_origin(names, stated), weight=weight)
    kind, logits = _inferred(predictions, labels)
    origin = f"{_IN_WORDS[kind]}, inferred from the outputs and labels"
    return Objective(kind, logits, origin=origin, weight=weight)


def _skill(taught: np.ndarray, wanted: np.ndarray, *, by_class: bool) -> np.ndarray:
    """How far the teacher's probabilities agree with the labels beyond a guess, from 0 to 1 for each sample.

    (agreement - chance) / (1 - chance): agreement is 1 less the total variation distance (for one label, the
    probability that it gets), chance that of a uniform guess. 0 where the largest probability is another's.
    """
    if by_class:
        agreement = 1 - np.abs(taught - wanted).sum(-1, keepdims=True) / 2
        chance = 1 / max(taught.shape[-1], 2)
        right = (taught.argmax(-1) == wanted.argmax(-1))[..., None]
    else:
        agreement, chance = 1 - np.abs(taught - wanted), 0.5
        right = (taught > 0.5) == (wanted > 0.5)
    return np.where(right, np.clip((agreement - chance) / (1 - chance), 0, 1), 0).astype(taught.dtype)


def _without_gaps(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Labels in which the teacher's prediction stands for NaN, such as a point that nobody has labelled."""
    if labels.dtype.kind != "f" or labels.size != predictions.size or not np.isnan(labels).any():
        return labels
    return np.where(np.isnan(labels), predictions.reshape(labels.shape), labels)


def _counted(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray | None:
    """1 where class numbers (N, T, …) say something, 0 where they are -1; None where all do."""
    numbers = labels.dtype.kind == "i" and labels.ndim > 1 and labels.shape == predictions.shape[:-1]
    return (labels >= 0).astype(np.float32) if numbers and bool((labels < 0).any()) else None


def _origin(name: str, stated: object) -> str:
    return f"{name}, as {'the model was compiled' if stated is None else 'stated'}"


def _product(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """Of weights of positions (N, …) or samples (N,), where there are some."""
    if one is None or other is None:
        return other if one is None else one
    axes = max(one.ndim, other.ndim)
    return np.asarray(_with_axes(one, axes) * _with_axes(other, axes), np.float32)


def _with_axes(weights: np.ndarray, axes: int) -> np.ndarray:
    return weights.reshape(*weights.shape, *(1,) * (axes - weights.ndim))


def _inferred(predictions: np.ndarray, labels: np.ndarray | None) -> tuple[LossKind, bool]:
    classes = predictions.shape[-1]
    inside = bool(predictions.min() >= 0 and predictions.max() <= 1)
    if classes > 1 and inside and np.allclose(predictions.sum(-1), 1, atol=1e-3):
        return "categorical", False
    numbered = labels is not None and np.issubdtype(labels.dtype, np.integer)
    if classes > 1 and numbered and labels is not None and labels.shape == predictions.shape[:-1]:
        return "categorical", True
    zero_or_one = labels is None or bool(np.isin(np.unique(labels), (0, 1)).all())
    if zero_or_one and inside and (classes == 1 or labels is not None):
        return "binary", False
    if classes == 1 and numbered and zero_or_one:
        return "binary", True
    return "squared", False
