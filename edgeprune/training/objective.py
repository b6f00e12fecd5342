"""What a model's outputs are and which loss compares them: as compiled, or as labels and answers say.

Distillation (Hinton et al. 2015, arXiv 1503.02531) at temperature 1: the target is
``share · original + (1 - share) · labels``, as probabilities where the outputs are. Of classes, only answers
that are right are taught: where the original is wrong, the label stands alone (the errors of a teacher
cost its student more than they tell; Wen et al. 2019, arXiv 1911.07471).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

from edgeprune.keras_bridge.flavour import keras_of

Kind = Literal["categorical", "binary", "squared", "custom"]
_COMPILED: dict[str, Kind] = {
    "sparse_categorical_crossentropy": "categorical", "categorical_crossentropy": "categorical",
    "binary_crossentropy": "binary", "mean_squared_error": "squared",
}
_SAID = {"categorical": "cross-entropy", "binary": "binary cross-entropy", "squared": "squared error"}


@dataclasses.dataclass(frozen=True, eq=False)
class Objective:
    """How one output is compared with its targets.

    Attributes:
        kind: "custom" calls `function` for the labels, and compares answers by squared difference.
        logits: outputs are no probabilities yet.
        function: the user's own loss, of (labels, outputs).
        origin: how it was found, for people.
    """

    kind: Kind
    logits: bool = False
    function: Any = None
    origin: str = ""

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """What targets are compared with: outputs, behind their softmax or sigmoid where it is missing."""
        if not self.logits or self.kind not in ("categorical", "binary"):
            return outputs
        if self.kind == "binary":
            return np.asarray(1 / (1 + np.exp(-outputs)), outputs.dtype)
        raised = np.exp(outputs - outputs.max(-1, keepdims=True))
        return np.asarray(raised / raised.sum(-1, keepdims=True), outputs.dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """Targets of one output.

    Attributes:
        values: same shape as the output; for a custom loss (N, labels + outputs), both flat.
        weights: of each sample (or token): 0 where a label says that nothing counts; None: all 1.
        labelled: whether labels are part of the values.
    """

    values: np.ndarray
    weights: np.ndarray | None
    labelled: bool


def objective_of(model: Any, answers: np.ndarray, labels: np.ndarray | None, output: int = 0) -> Objective:
    """The objective of one output of a model.

    Args:
        model: compiled or not.
        answers: (N, …, C) of that output.
        labels: (N, …) or None.
        output: its number.
    """
    compiled = _compiled_loss(model, output)
    if compiled is not None:
        name = _name(compiled)
        logits = bool(getattr(compiled, "from_logits", False) or _config(compiled).get("from_logits"))
        if name in _COMPILED:
            return Objective(_COMPILED[name], logits, None, f"{name}, as the model was compiled")
        if labels is not None and name:
            return Objective("custom", False, compiled, f"{name}, as the model was compiled")
    kind, logits = _inferred(answers, labels)
    return Objective(kind, logits, None, f"{_SAID[kind]}, inferred from the outputs and labels")


def mix(objective: Objective, answers: np.ndarray, labels: np.ndarray | None, share: float) -> Targets:
    """Mixes the original's answers with labels.

    Args:
        objective: of the output.
        answers: (N, …, C) of the original model.
        labels: (N, …) class numbers, -1 where nothing counts; values of the shape of `answers`;
            None, or labels that do not align with the answers (CTC), leave the answers alone.
        share: of the answers, 0 to 1; 1 leaves labels out.
    """
    taught = objective.probabilities(answers)
    if labels is None:
        return Targets(taught, None, False)
    if objective.kind == "custom":
        flat = [part.reshape(len(part), -1).astype(np.float32) for part in (labels, answers)]
        return Targets(np.concatenate(flat, axis=1), None, True)
    if objective.kind == "categorical" and labels.shape == answers.shape[:-1]:
        counted = labels >= 0
        wanted = np.eye(answers.shape[-1], dtype=answers.dtype)[np.maximum(labels, 0)]
        values = _taught_where_right(objective.kind, taught, wanted, share)
        return Targets(values, None if counted.all() else counted.astype(np.float32), True)
    if labels.size == answers.size:
        wanted = labels.reshape(answers.shape).astype(answers.dtype)
        return Targets(_taught_where_right(objective.kind, taught, wanted, share), None, True)
    return Targets(taught, None, False)


def _taught_where_right(kind: Kind, taught: np.ndarray, wanted: np.ndarray, share: float) -> np.ndarray:
    """The mix where the original names the wanted class, and what is wanted elsewhere; values all mix."""
    mixed = share * taught + (1 - share) * wanted
    if share == 1 or kind == "squared":
        return mixed
    named = taught.argmax(-1) == wanted.argmax(-1)
    right = named[..., None] if kind == "categorical" else (taught > 0.5) == (wanted > 0.5)
    return np.where(right, mixed, wanted)


def keras_loss(model: Any, objective: Objective, answers: np.ndarray, share: float, targets: Targets) -> Any:
    """The Keras loss for targets made by `mix`, of the model's own Keras."""
    losses = keras_of(model).losses
    if objective.kind == "custom" and targets.labelled:
        return _both(objective, answers, share, targets.values.shape[1])
    if objective.kind == "categorical":
        return losses.CategoricalCrossentropy(from_logits=objective.logits)
    if objective.kind == "binary":
        return losses.BinaryCrossentropy(from_logits=objective.logits)
    return losses.MeanSquaredError()


def loss_value(objective: Objective, targets: Targets, outputs: np.ndarray, share: float = 0.0) -> float:
    """The mean loss of outputs, so that a model can be judged between training steps.

    Args:
        objective: of the output.
        targets: of the same samples.
        outputs: of the model.
        share: of the answers, for a custom loss.
    """
    if objective.kind == "custom" and targets.labelled:
        found = _both(objective, outputs, share, targets.values.shape[1])(targets.values, outputs)
        return float(np.mean(np.asarray(found)))
    found = objective.probabilities(outputs).astype(np.float64)
    values, tiny = targets.values.astype(np.float64), 1e-7
    if objective.kind == "binary":
        found = np.clip(found, tiny, 1 - tiny)
        each = -(values * np.log(found) + (1 - values) * np.log(1 - found)).mean(-1)
    elif objective.kind == "categorical":
        each = -(values * np.log(np.maximum(found, tiny))).sum(-1)
    else:
        each = np.square(values - found).mean(-1)
    return float(np.average(each, weights=targets.weights))


def _both(objective: Objective, outputs: np.ndarray, share: float, width: int) -> Any:
    """The user's loss of the labels, and the squared difference to the answers, by their shares."""
    shape = outputs.shape[1:]
    answer = int(np.prod(shape))

    def loss(packed: Any, found: Any) -> Any:
        import tensorflow as tf

        packed = tf.convert_to_tensor(packed)
        labels, answers = packed[:, : width - answer], packed[:, width - answer :]
        labels = labels if width - answer > 1 or len(shape) > 1 else labels[:, 0]
        if width == 2 * answer:
            labels = tf.reshape(labels, (-1, *shape))
        own = tf.reduce_mean(tf.cast(objective.function(labels, found), tf.float32))
        difference = tf.reshape(answers, (-1, *shape)) - tf.cast(found, tf.float32)
        return (1 - share) * own + share * tf.reduce_mean(tf.square(difference))

    return loss


def _inferred(answers: np.ndarray, labels: np.ndarray | None) -> tuple[Kind, bool]:
    inside = bool(answers.min() >= 0 and answers.max() <= 1)
    if answers.shape[-1] > 1 and inside and np.allclose(answers.sum(-1), 1, atol=1e-3):
        return "categorical", False
    numbered = labels is not None and np.issubdtype(labels.dtype, np.integer)
    if answers.shape[-1] > 1 and numbered and labels is not None and labels.shape == answers.shape[:-1]:
        return "categorical", True
    zero_or_one = labels is None or bool(np.isin(np.unique(labels), (0, 1)).all())
    if zero_or_one and inside and (answers.shape[-1] == 1 or labels is not None):
        return "binary", False
    if answers.shape[-1] == 1 and numbered and zero_or_one:
        return "binary", True
    return "squared", False


def _compiled_loss(model: Any, output: int) -> Any:
    loss = getattr(model, "loss", None)
    if isinstance(loss, dict):
        names = list(getattr(model, "output_names", ()))
        loss = loss.get(names[output]) if output < len(names) else None
    elif isinstance(loss, (list, tuple)):
        loss = loss[output] if output < len(loss) else None
    if isinstance(loss, str):
        return keras_of(model).losses.get(loss)
    return loss if callable(loss) else None


def _config(loss: Any) -> dict[str, Any]:
    found: dict[str, Any] = loss.get_config() if hasattr(loss, "get_config") else {}
    return found


def _name(loss: Any) -> str:
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", ""))
