"""Trains a pruned model on, with the original as its teacher."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.keras_bridge.flavour import keras_of
from edgeprune.training.targets import keras_loss, mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Batches = tuple[Any, "np.ndarray | None"]
"""Model inputs and labels of one epoch."""


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How to train.

    Attributes:
        epochs: how many passes.
        batch_size: samples of a step.
        learning_rate: peak; falls to zero along a half cosine over all steps.
        weight_decay: of AdamW (Loshchilov & Hutter, arXiv 1711.05101), on kernels only.
        distill: share of the original's answers in the targets.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    distill: float = 0.7


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One point of the training curve; `score` is on validation data."""

    number: int
    loss: float
    score: float


def fine_tune(
    model: Any,
    teacher: Any,
    batches: Iterable[Batches],
    settings: FineTuning,
    score: Callable[[Any], float],
    *,
    callbacks: Sequence[Any] = (),
    keep_best: bool = True,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Epoch, ...]:
    """Trains `model` in place and leaves it with the weights that scored best.

    Args:
        model: the pruned Keras model.
        teacher: the original; it is not changed.
        batches: one (inputs, labels) for each epoch.
        settings: how.
        score: higher is better, on validation data.
        callbacks: Keras callbacks.
        keep_best: False keeps the last weights, and nothing is scored.
        progress: told the fraction done after each step.

    Returns:
        The training curve; number 0 is the model as it came.
    """
    if not settings.epochs:
        return ()
    curve, best = [], (-np.inf, None)
    if keep_best:
        best = (score(model), model.get_weights())
        curve.append(Epoch(0, float("nan"), best[0]))
    compiled = False
    for number, (x, labels) in enumerate(batches, start=1):
        answers = np.asarray(teacher.predict(x, batch_size=256, verbose=0))
        targets = mix(answers, labels, settings.distill)
        steps = -(-len(answers) // settings.batch_size)
        if not compiled:
            _compile(model, targets.loss, settings, steps * settings.epochs)
            compiled = True
        ticks = _ticks(model, progress, (number - 1) * steps, settings.epochs * steps)
        history = model.fit(
            x, targets.values, sample_weight=targets.weights, batch_size=settings.batch_size,
            verbose=0, callbacks=[*callbacks, ticks],
        )
        value = float("nan")
        if keep_best:
            value = score(model)
            if value >= best[0]:
                best = (value, model.get_weights())
        curve.append(Epoch(number, float(history.history["loss"][-1]), value))
    if best[1] is not None:
        model.set_weights(best[1])
    return tuple(curve)


def _compile(model: Any, loss: Any, settings: FineTuning, steps: int) -> None:
    keras = keras_of(model)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=5.0)
    # Biases and normalization parameters are no weights to decay.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, keras_loss(keras, loss))


def _ticks(model: Any, progress: Callable[[float], None], before: int, steps: int) -> Any:
    """A Keras callback of the model's own flavour that reports every batch.

    `before` of all `steps` were made in earlier epochs.
    """
    base = keras_of(model).callbacks.Callback

    class Ticks(base):  # type: ignore[misc, valid-type]
        """Passes the batch number on."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Tells the fraction of the training."""
            del logs
            progress((before + batch + 1) / steps)

    return Ticks()
