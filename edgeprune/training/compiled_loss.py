"""The loss that a model was compiled with, called exactly as Keras calls it.

`fit` turns functions into loss objects, matches ranks and dtypes of labels and outputs, and reduces by the
loss' own rule (Keras 3: `keras.src.trainers.compile_utils.CompileLoss`; Keras 2: `LossesContainer`). Here
labels and the teacher's outputs travel to the loss in one flat array, are taken apart, and the labels go to
that object in the shape and dtype in which they were passed.

Where the labels' form is open, since edgeprune numbered the classes, the form is found by trying.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

import numpy as np

from edgeprune.data.model_signature import (
    LossForm,
    compiled_loss,
    ignored_class,
    label_form,
    loss_name,
)
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasLoss, KerasModel, KerasModule, KerasTensor

LabelForm = Literal["as_given", "one_hot", "numbers"]
WeightedLosses = Sequence[tuple["KerasLoss | str", float]]
_DEFAULTS: Mapping[str, tuple[object, ...]] = {
    "label_smoothing": (0, 0.0, None), "axis": (-1, None), "ignore_class": (-1, None),
    "reduction": ("sum_over_batch_size", "auto", None),
}
_BATCH = 256
_ORDERS = 199  # a loss that reads nothing passes once in two hundred times
_CONTRAST = 0.02


@dataclasses.dataclass(frozen=True, eq=False)
class CompiledLoss:
    """One output's losses with their weights, and the form in which they take labels."""

    losses: tuple[KerasLoss, ...]  # objects of the model's own Keras
    weights: tuple[float, ...]
    form: LabelForm
    shape: tuple[int, ...]  # of one sample's labels as the losses take them
    dtype: str
    outputs: tuple[int, ...]  # shape of one sample's output
    expands: bool = False  # whether labels (N,) beside outputs (N, C) get a last axis
    void: int | None = None  # what stands for class -1: the loss leaves it out, or weights do

    def packed(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """(N, labels + outputs) float32: labels in the losses' form, then the teacher's predictions."""
        labels = without_minus_one(_aligned(labels, predictions), self.void)
        formed = _in_form(labels, self.form, predictions.shape[-1])
        flat = [part.reshape(len(part), -1).astype(np.float32) for part in (formed, predictions)]
        return np.concatenate(flat, axis=1)

    def prefers_own_labels(self, labels: np.ndarray, predictions: np.ndarray) -> bool:
        """Whether the loss is lower for these labels than for the same in each of many other orders."""
        random = np.random.default_rng(0)
        rows = np.linspace(0, len(labels) - 1, min(len(labels), _BATCH)).astype(int)
        labels, predictions = labels[rows], predictions[rows]
        orders = [np.arange(len(rows)), *(random.permutation(len(rows)) for _ in range(_ORDERS))]
        own, *others = (self.value(self.packed(labels[order], predictions), predictions, None, 0.0)
                        for order in orders)
        return bool(own < min(others))

    def own(self, labels: KerasTensor, outputs: KerasTensor, weights: KerasTensor = None) -> KerasTensor:
        """The weighted sum of the losses, for labels in their form."""
        import tensorflow as tf

        # As `fit` does: Keras 2 always, Keras 3 for an output of one unit.
        if len(labels.shape) == 1 and len(outputs.shape) == 2 and (self.expands or outputs.shape[-1] == 1):
            labels = tf.expand_dims(labels, -1)
        terms = [
            weight * tf.cast(loss(labels, outputs, sample_weight=weights), tf.float32)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        ]
        return tf.add_n(terms)

    def total(
        self, packed: KerasTensor, outputs: KerasTensor, weights: KerasTensor, teacher_ratio: float,
        scale: float,
    ) -> KerasTensor:
        """The losses, and the squared difference to the teacher by `teacher_ratio`, in units of `scale`."""
        import tensorflow as tf

        width = int(np.prod(self.outputs))
        packed = tf.convert_to_tensor(packed)
        labels = tf.cast(tf.reshape(packed[:, :-width], (-1, *self.shape)), self.dtype)
        own = self.own(labels, outputs, weights)
        if not teacher_ratio:
            return own
        taught = tf.reshape(packed[:, -width:], tf.shape(outputs))
        difference = tf.reduce_mean(tf.square(taught - tf.cast(outputs, tf.float32))) / scale
        return (1 - teacher_ratio) * own + teacher_ratio * difference

    def distilled(self, keras: KerasModule, predictions: np.ndarray, teacher_ratio: float) -> KerasLoss:
        """A loss object of packed targets, for `compile`."""
        compiled, scale = self, _scale(predictions)

        class Distilled(keras.losses.Loss):  # type: ignore[misc]
            def __call__(
                self, y_true: KerasTensor, y_pred: KerasTensor, sample_weight: KerasTensor = None
            ) -> KerasTensor:
                return compiled.total(y_true, y_pred, sample_weight, teacher_ratio, scale)

            def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
                return compiled.total(y_true, y_pred, None, teacher_ratio, scale)

        return Distilled(name="compiled_loss")

    def value(
        self, packed: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None, teacher_ratio: float
    ) -> float:
        """The mean over all samples."""
        scale, total = _scale(packed[:, -int(np.prod(self.outputs)):]), 0.0
        for start in range(0, len(outputs), _BATCH):
            rows = slice(start, start + _BATCH)
            counted = None if weights is None else weights[rows]
            found = self.total(packed[rows], outputs[rows], counted, teacher_ratio, scale)
            total += float(np.asarray(found)) * len(outputs[rows])
        return total / len(outputs)


def compiled_for(
    keras: KerasModule, losses: WeightedLosses, labels: np.ndarray, predictions: np.ndarray
) -> CompiledLoss:
    """The losses with the form in which they take these labels, tried on a few samples.

    Raises:
        InputError: they can read none.
    """
    objects = tuple(_object(keras, loss) for loss, _ in losses)
    weights = tuple(weight for _, weight in losses)
    void = void_of(losses)
    labels = without_minus_one(_aligned(labels, predictions), void)
    found: dict[LabelForm, CompiledLoss] = {}
    contrasts: dict[LabelForm, float] = {}
    problem = ""
    rows = _few(labels, predictions)
    expands = hasattr(keras.losses.Loss, "_get_reduction")  # Keras 2
    for form in _forms(labels, predictions, {label_form(loss) for loss, _ in losses}):
        formed = _in_form(labels[rows], form, predictions.shape[-1])
        one = CompiledLoss(
            objects, weights, form, formed.shape[1:], _dtype(formed), predictions.shape[1:], expands, void
        )
        try:
            contrasts[form] = _contrast(one, formed, predictions[rows])
            found[form] = one
        except Exception as error:  # noqa: BLE001 - the user's own loss may raise anything
            problem = problem or f"{type(error).__name__}: {_in_a_line(error)}"
    if not found:
        name = " and ".join(loss_name(loss) for loss, _ in losses)
        raise InputError(
            f"The loss '{name}' cannot read labels of the shape {_shown(labels)} and dtype {labels.dtype} "
            f"beside outputs of the shape {_shown(predictions)} ({problem}).",
            "Labels as the model's loss takes them: what you pass to model.fit().",
            f"{_fitting(objects, weights, labels, predictions)} Or choose another loss with --loss.",
        )
    first = next(iter(found))
    best = max(contrasts, key=contrasts.__getitem__)
    # Labels go in as they were passed; class numbers, which edgeprune may have made of names, only where they
    # tell right samples from wrong ones.
    passed = labels.dtype.kind not in "iu" or contrasts[first] > _CONTRAST or contrasts[best] <= _CONTRAST
    return found[first if passed else best]


def _in_a_line(error: Exception) -> str:
    """The first line of an error, without TensorFlow's names of places inside of it."""
    first = (str(error).strip() or "no message").splitlines()[0]
    return re.sub(r"\{\{.*?\}\}|\[Op:\w+\]|\bname:\s*$", "", first).strip()[:200]


def _fitting(
    objects: tuple[KerasLoss, ...], weights: tuple[float, ...], labels: np.ndarray, predictions: np.ndarray
) -> str:
    """The way out: the form that the loss takes, where one of the usual ones is it."""
    rows, classes = _few(labels, predictions), predictions.shape[-1]
    forms = [labels[..., None]] if labels.ndim < predictions.ndim else []
    forms += [labels[..., 0]] if labels.ndim > 1 and labels.shape[-1] == 1 else []
    forms += [labels.reshape(predictions.shape)] if labels.size == predictions.size else []
    numbers = labels.dtype.kind in "iu" and labels.size and labels.min() >= 0 and labels.max() < classes
    forms += [np.eye(classes, dtype=np.float32)[labels]] if numbers else []
    forms += [labels.argmax(-1)] if labels.ndim > 1 and bool(np.isin(labels, (0, 1)).all()) else []
    for formed in forms:
        one = CompiledLoss(
            objects, weights, "as_given", formed.shape[1:], _dtype(formed), predictions.shape[1:]
        )
        with contextlib.suppress(Exception):
            _contrast(one, formed[rows], predictions[rows])
            return f"Labels of the shape {_shown(formed)} fit: bring them into it."
    return "Correct the labels' shape."


def void_of(losses: WeightedLosses) -> int | None:
    """What takes the place of class -1, which counts nowhere; None for losses of one's own."""
    if any(label_form(loss) == "any" for loss, _ in losses):
        return None
    ignored = [found for found in map(ignored_class, (loss for loss, _ in losses)) if found is not None]
    return ignored[0] if ignored else 0


def without_minus_one(labels: np.ndarray, void: int | None) -> np.ndarray:
    """Class numbers with `void` in place of -1, which no loss of Keras' own reads."""
    if void is None or labels.dtype.kind != "i" or labels.ndim < 2:
        return labels
    return np.where(labels == -1, labels.dtype.type(void), labels)


def losses_of(
    model: KerasModel, output: int, stated: object = None
) -> list[tuple[KerasLoss | str, float]]:
    """The losses of one output with their weights among themselves; empty where it has none."""
    loss = compiled_loss(model, output, stated)
    given = getattr(model, "loss", None) if stated is None else stated
    several = given if isinstance(given, (list, tuple)) and len(model.outputs) == 1 else loss
    if isinstance(several, (list, tuple)) and len(several) > 1:
        weights = _weights(model)
        each = [1.0] * len(several)
        if len(model.outputs) == 1 and isinstance(weights, (list, tuple)):
            each = [float(weight) for weight in weights]
        return [(one, weight) for one, weight in zip(several, each, strict=True) if one is not None]
    if isinstance(several, (list, tuple)):
        loss = several[0] if several else None
    return [] if loss is None else [(loss, 1.0)]


def output_weight(model: KerasModel, output: int) -> float:
    """What an output's loss counts in the sum, as the model was compiled."""
    weights = _weights(model)
    if isinstance(weights, Mapping):
        names = list(getattr(model, "output_names", ()))
        found = weights.get(names[output], 1.0) if output < len(names) else 1.0
    elif isinstance(weights, (list, tuple)):
        several = len(model.outputs) > 1 or len(weights) == 1
        found = weights[output] if several and output < len(weights) else 1.0
    else:
        found = weights
    return float(found) if isinstance(found, (int, float)) else 1.0


def is_own(model: KerasModel, output: int, stated: object = None) -> bool:
    """Whether an output was compiled with a loss that Keras does not know."""
    return any(label_form(loss) == "any" for loss, _ in losses_of(model, output, stated))


def is_plain(loss: KerasLoss | str) -> bool:
    """Whether a loss of Keras has no setting that changes its value."""
    if isinstance(loss, str):
        return True
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    module = getattr(loss, "__module__", None) or type(loss).__module__
    return str(module).partition(".")[0] in ("keras", "tf_keras") and all(
        config.get(key, defaults[0]) in defaults for key, defaults in _DEFAULTS.items()
    )


def takes_logits(loss: KerasLoss | str) -> bool:
    """Whether a loss puts the softmax or sigmoid before itself."""
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return bool(getattr(loss, "from_logits", False) or config.get("from_logits"))


def _weights(model: KerasModel) -> object:
    """`loss_weights` as they were given to `compile`."""
    container = getattr(model, "_compile_loss", None) or getattr(model, "compiled_loss", None)
    return getattr(container, "_user_loss_weights", None)


def _object(keras: KerasModule, loss: KerasLoss | str) -> KerasLoss:
    """A loss object; functions are wrapped as `compile` wraps them."""
    found = keras.losses.get(loss)
    if not isinstance(found, keras.losses.Loss):
        wrapper = keras.losses.MeanSquaredError.__mro__[1]  # which neither Keras exports
        found = wrapper(found, name=getattr(found, "__name__", "loss"))
    if hasattr(keras.losses.Loss, "_get_reduction"):  # Keras 2 asks for a reduction under a strategy
        found._allow_sum_over_batch_size = True  # noqa: SLF001  (as its own `compile` does)
    return found


def _forms(labels: np.ndarray, predictions: np.ndarray, taken: AbstractSet[LossForm]) -> list[LabelForm]:
    """What to try: of a loss of Keras' own the form that it takes, else first labels as they were passed."""
    classes = predictions.shape[-1]
    numbers = labels.dtype.kind in "iu" and classes > 1 and labels.shape == predictions.shape[:-1]
    one_hot = labels.shape == predictions.shape and classes > 1 and bool(
        np.isin(labels, (0, 1)).all() and (labels.sum(-1) == 1).all()
    )
    numbers = numbers and labels.min() >= 0 and labels.max() < classes
    if taken <= {"one_hot", "same", "binary", "direction"}:  # numbers would be broadcast along the classes
        return ["one_hot"] if numbers else ["as_given"]
    if taken == {"numbers"}:
        return ["numbers"] if one_hot else ["as_given"]
    forms: list[LabelForm] = ["as_given"]
    if numbers:
        forms.append("one_hot")
    if one_hot:
        forms.append("numbers")
    return forms


def _aligned(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Masks (N, …) with the last axis of an output (N, …, 1), which Keras 2 does not add itself."""
    bare = labels.ndim > 1 and predictions.shape[-1] == 1 and labels.shape == predictions.shape[:-1]
    return labels[..., None] if bare else labels


def _in_form(labels: np.ndarray, form: LabelForm, classes: int) -> np.ndarray:
    if form == "one_hot":
        return np.asarray(np.eye(classes, dtype=np.float32)[labels])
    return np.asarray(labels.argmax(-1), np.int64) if form == "numbers" else labels


def _dtype(labels: np.ndarray) -> str:
    return "float32" if labels.dtype.kind == "f" else labels.dtype.name


def _few(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """A few samples: as many as no axis has entries, so that no wrong form fits by broadcasting."""
    sizes = {*labels.shape[1:], *predictions.shape[1:], 1}
    most = min(32, len(labels))
    count = next(number for number in range(most, 0, -1) if number not in sizes or number == 1)
    return np.linspace(0, len(labels) - 1, count).astype(int)


def _contrast(one: CompiledLoss, labels: np.ndarray, predictions: np.ndarray) -> float:
    """By which fraction the loss grows where labels belong to other samples.

    Raises:
        ValueError: the loss is not one finite number.
    """
    import tensorflow as tf

    outputs = tf.constant(predictions, tf.float32)
    own = float(np.asarray(one.own(tf.constant(labels, one.dtype), outputs)))
    other = float(np.asarray(one.own(tf.constant(np.roll(labels, 1, axis=0), one.dtype), outputs)))
    if not np.isfinite(own):
        raise ValueError(f"the loss is {own}")
    return (other - own) / max(abs(other), abs(own), 1e-12)


def _scale(predictions: np.ndarray) -> float:
    """The outputs' variance where it is large, so that the teacher does not drown the loss itself."""
    return max(1.0, float(np.var(predictions.astype(np.float64))))


def _shown(array: np.ndarray) -> str:
    return f"({', '.join(['N', *map(str, array.shape[1:])])})" if array.ndim > 1 else "(N,)"
