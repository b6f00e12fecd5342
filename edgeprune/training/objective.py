"""What a model's outputs are trained towards: as it was compiled, or as predictions and labels suggest.

Distillation (Hinton et al. 2015, arXiv 1503.02531) at temperature 1: the targets are
``ratio · teacher + (1 - ratio) · labels``, as probabilities where the outputs are. Of classes, only correct
predictions are taught: where the teacher is wrong, the label stands alone (the errors of a teacher cost its
student more than they tell; Wen et al. 2019, arXiv 1911.07471).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLoss, KerasModel, KerasTensor
from edgeprune.training.prediction import Predictions

LossKind = Literal["categorical", "binary", "squared", "custom"]
_COMPILED: dict[str, LossKind] = {
    "sparse_categorical_crossentropy": "categorical", "categorical_crossentropy": "categorical",
    "binary_crossentropy": "binary", "mean_squared_error": "squared",
}
_IN_WORDS = {"categorical": "cross-entropy", "binary": "binary cross-entropy", "squared": "squared error"}


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """Targets of one output."""

    values: np.ndarray  # same shape as the output; for a custom loss (N, labels + outputs), both flat
    weights: np.ndarray | None  # of each sample (or token), 0 where a label says so; None: all 1
    labelled: bool  # whether labels are part of the values


@dataclasses.dataclass(frozen=True, eq=False)
class Objective:
    """How one output is compared with its targets.

    "custom" calls `function` for the labels, and compares with the teacher by squared difference.
    """

    kind: LossKind
    logits: bool = False  # outputs are not probabilities yet
    function: KerasLoss = None  # the user's own loss, of (labels, outputs)
    origin: str = ""  # how it was found, for people
    teacher_ratio: float = 0.0  # of the teacher's predictions in the targets, 0 to 1; 1 leaves labels out

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as they are compared: behind their softmax or sigmoid where the model has none."""
        if not self.logits or self.kind not in ("categorical", "binary"):
            return outputs
        if self.kind == "binary":
            return np.asarray(1 / (1 + np.exp(-outputs)), outputs.dtype)
        raised = np.exp(outputs - outputs.max(-1, keepdims=True))
        return np.asarray(raised / raised.sum(-1, keepdims=True), outputs.dtype)

    def targets(self, predictions: np.ndarray, labels: np.ndarray | None) -> Targets:
        """The teacher's predictions (N, …, C) combined with labels.

        These are (N, …) class numbers, -1 where nothing counts, or values of the predictions' shape.
        Without labels, or with ones that do not align (CTC), the predictions are the targets.
        """
        taught = self.probabilities(predictions)
        if labels is None:
            return Targets(taught, None, False)
        if self.kind == "custom":
            flat = [part.reshape(len(part), -1).astype(np.float32) for part in (labels, predictions)]
            return Targets(np.concatenate(flat, axis=1), None, True)
        if self.kind == "categorical" and labels.shape == predictions.shape[:-1]:
            counted = labels >= 0
            wanted = np.eye(predictions.shape[-1], dtype=predictions.dtype)[np.maximum(labels, 0)]
            weights = None if counted.all() else counted.astype(np.float32)
            return Targets(self._taught_where_right(taught, wanted), weights, True)
        if labels.size == predictions.size:
            wanted = labels.reshape(predictions.shape).astype(predictions.dtype)
            return Targets(self._taught_where_right(taught, wanted), None, True)
        return Targets(taught, None, False)

    def _taught_where_right(self, taught: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Both combined where the teacher names the wanted class, else what is wanted; values everywhere."""
        ratio = self.teacher_ratio
        combined = ratio * taught + (1 - ratio) * wanted
        if ratio == 1 or self.kind == "squared":
            return combined
        named = taught.argmax(-1) == wanted.argmax(-1)
        right = named[..., None] if self.kind == "categorical" else (taught > 0.5) == (wanted > 0.5)
        return np.where(right, combined, wanted)

    def keras_loss(self, model: KerasModel, predictions: np.ndarray, targets: Targets) -> KerasLoss:
        """The loss of the model's own Keras version for `targets`."""
        losses = keras_of(model).losses
        if self.kind == "custom" and targets.labelled:
            return self._custom_loss(predictions.shape[1:], targets.values.shape[1])
        if self.kind == "categorical":
            return losses.CategoricalCrossentropy(from_logits=self.logits)
        if self.kind == "binary":
            return losses.BinaryCrossentropy(from_logits=self.logits)
        return losses.MeanSquaredError()

    def value(self, targets: Targets, outputs: np.ndarray) -> float:
        """The mean loss of outputs, which tells how good a model is between training steps."""
        if self.kind == "custom" and targets.labelled:
            loss = self._custom_loss(outputs.shape[1:], targets.values.shape[1])
            return float(np.mean(np.asarray(loss(targets.values, outputs))))
        found = self.probabilities(outputs).astype(np.float64)
        values, tiny = targets.values.astype(np.float64), 1e-7
        if self.kind == "binary":
            found = np.clip(found, tiny, 1 - tiny)
            each = -(values * np.log(found) + (1 - values) * np.log(1 - found)).mean(-1)
        elif self.kind == "categorical":
            each = -(values * np.log(np.maximum(found, tiny))).sum(-1)
        else:
            each = np.square(values - found).mean(-1)
        return float(np.average(each, weights=targets.weights))

    def _custom_loss(self, shape: tuple[int, ...], width: int) -> KerasLoss:
        """The user's loss of the labels plus the squared difference to the teacher, by `teacher_ratio`.

        `shape` is that of one sample's output, `width` the number of its values in `Targets.values`.
        """
        size, ratio = int(np.prod(shape)), self.teacher_ratio

        def loss(packed: KerasTensor, found: KerasTensor) -> KerasTensor:
            import tensorflow as tf

            packed = tf.convert_to_tensor(packed)
            labels, taught = packed[:, : width - size], packed[:, width - size :]
            labels = labels if width - size > 1 or len(shape) > 1 else labels[:, 0]
            if width == 2 * size:
                labels = tf.reshape(labels, (-1, *shape))
            own = tf.reduce_mean(tf.cast(self.function(labels, found), tf.float32))
            difference = tf.reshape(taught, (-1, *shape)) - tf.cast(found, tf.float32)
            return (1 - ratio) * own + ratio * tf.reduce_mean(tf.square(difference))

        return loss


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingObjective:
    """Objectives of all outputs. Labels belong to the first; the others learn the teacher's predictions."""

    objectives: tuple[Objective, ...]
    class_weight: np.ndarray | None = None  # what a sample of each class counts; None: all the same

    def targets(self, predictions: Predictions, labels: np.ndarray | None) -> tuple[Targets, ...]:
        """Targets of each output, from the teacher's predictions and the labels."""
        found = [
            objective.targets(output, labels if number == 0 else None)
            for number, (objective, output) in enumerate(zip(self.objectives, predictions, strict=True))
        ]
        if self.class_weight is not None and labels is not None and labels.ndim == 1:
            counted = self.class_weight[np.clip(labels, 0, len(self.class_weight) - 1)].astype(np.float32)
            first = found[0].weights
            found[0] = dataclasses.replace(found[0], weights=counted if first is None else first * counted)
        return tuple(found)

    def keras_losses(
        self, model: KerasModel, predictions: Predictions, targets: Sequence[Targets]
    ) -> list[KerasLoss]:
        """One loss for each output."""
        triples = zip(self.objectives, predictions, targets, strict=True)
        return [objective.keras_loss(model, output, target) for objective, output, target in triples]

    def value(self, targets: Sequence[Targets], predictions: Predictions) -> float:
        """The loss of predictions, summed over the outputs; smaller is better."""
        triples = zip(self.objectives, targets, predictions, strict=True)
        return sum(objective.value(target, output) for objective, target, output in triples)


def training_objective(
    model: KerasModel, predictions: Predictions, labels: np.ndarray | None, teacher_ratio: float, *,
    balanced: bool = False,
) -> TrainingObjective:
    """The objective of training a model like the teacher `model`, given its predictions for some samples.

    `balanced`: classes count alike, however many samples they have.
    """
    objectives = tuple(
        dataclasses.replace(
            objective_of(model, output, labels if number == 0 else None, number), teacher_ratio=teacher_ratio
        )
        for number, output in enumerate(predictions)
    )
    weight = None
    if balanced and labels is not None and labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        counts = np.bincount(labels[labels >= 0])
        weight = np.divide(counts.sum(), len(counts) * counts, where=counts > 0, out=np.zeros(len(counts)))
    return TrainingObjective(objectives, weight)


def objective_of(
    model: KerasModel, predictions: np.ndarray, labels: np.ndarray | None, output: int = 0
) -> Objective:
    """The objective of output number `output`: (N, …, C) predictions and (N, …) labels or None."""
    compiled = _compiled_loss(model, output)
    if compiled is not None:
        name = str(getattr(compiled, "name", None) or getattr(compiled, "__name__", ""))
        config = compiled.get_config() if hasattr(compiled, "get_config") else {}
        logits = bool(getattr(compiled, "from_logits", False) or config.get("from_logits"))
        if name in _COMPILED:
            return Objective(_COMPILED[name], logits, None, f"{name}, as the model was compiled")
        if labels is not None and name:
            return Objective("custom", False, compiled, f"{name}, as the model was compiled")
    kind, logits = _inferred(predictions, labels)
    return Objective(kind, logits, None, f"{_IN_WORDS[kind]}, inferred from the outputs and labels")


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


def _compiled_loss(model: KerasModel, output: int) -> KerasLoss:
    """The loss of one output as the model was compiled; None if it was not."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, dict):
        names = list(getattr(model, "output_names", ()))
        loss = loss.get(names[output]) if output < len(names) else None
    elif isinstance(loss, (list, tuple)):
        loss = loss[output] if output < len(loss) else None
    if isinstance(loss, str):
        return keras_of(model).losses.get(loss)
    return loss if callable(loss) else None
