"""Trains a pruned model on, with the original as its teacher."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.data.streamed import is_streamed
from edgeprune.keras_bridge.flavour import keras_of
from edgeprune.training.checkpoint import Epoch, Progressed
from edgeprune.training.goal import predict
from edgeprune.training.random_layers import is_random, reseed
from edgeprune.training.sequence import sequence_of
from edgeprune.training.trainee import trainee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edgeprune.training.checkpoint import Checkpoint
    from edgeprune.training.goal import Goal

Batches = tuple[Any, "np.ndarray | None"]
"""Model inputs and labels of one epoch."""


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How to train.

    Attributes:
        epochs: how many passes.
        batch_size: samples of a step.
        learning_rate: peak.
        weight_decay: of AdamW (Loshchilov & Hutter, arXiv 1711.05101), on kernels only.
        rate_schedule: over all steps, "cosine" or "linear" to zero, or "constant".
        l1: penalty on kernels.
        l2: penalty on kernels.
        early_stopping: epochs without a better score before training ends; 0: never.
        freeze: name patterns of layers that stay as they are.
        precision: "float32", or "bfloat16" or "float16" for mixed precision.
        seed: of the order of samples, and of dropout.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    rate_schedule: str = "cosine"
    l1: float = 0.0
    l2: float = 0.0
    early_stopping: int = 0
    freeze: tuple[str, ...] = ()
    precision: str = "float32"
    seed: int = 0


def fine_tune(
    model: Any,
    teacher: Any,
    epochs: Iterable[Batches],
    settings: FineTuning,
    goal: Goal,
    score: Callable[[Any], float],
    *,
    callbacks: Sequence[Any] = (),
    keep_best: bool = True,
    checkpoint: Checkpoint | None = None,
    strategy: Any = None,
    progress: Callable[[float], None] = lambda _: None,
    each: Callable[[int, Any], None] = lambda _number, _model: None,
) -> tuple[Epoch, ...]:
    """Trains `model` in place and leaves it with the weights that scored best.

    Args:
        model: the pruned Keras model.
        teacher: the original; it is not changed.
        epochs: one (inputs, labels) for each epoch.
        settings: how.
        goal: what the outputs are compared with.
        score: higher is better, on validation data.
        callbacks: Keras callbacks.
        keep_best: False keeps the last weights, and nothing is scored.
        checkpoint: written after each epoch; if it is there, training goes on behind it.
        strategy: a `tf.distribute.Strategy`, or None.
        progress: told the fraction done after each step.
        each: given the model after each epoch, with its number from 1; may raise to end it all.

    Returns:
        The training curve; number 0 is the model as it came.

    Raises:
        InputError: a pattern in `freeze` that no layer has.
    """
    if not settings.epochs:
        return ()
    apart = bool(settings.l1 or settings.l2)
    with trainee(model, settings.freeze, settings.precision, strategy, apart=apart) as learner:
        state: Progressed | None = None
        done = 0
        for number, (x, labels) in enumerate(epochs, start=1):
            if number <= done:
                continue
            answers = predict(teacher, x)
            targets = goal.targets(answers, labels)
            steps = -(-len(answers[0]) // settings.batch_size)
            if state is None:
                with learner.scope():
                    _compile(learner.model, goal.losses(model, answers, targets), settings, steps)
                state = (checkpoint.load(learner.model) if checkpoint else None) or _start(
                    model, score, keep_best=keep_best
                )
                done = len(state.curve) - 1
                if number <= done:
                    continue
            if _ended(state.curve, settings.early_stopping):
                break
            ticks = _ticks(model, progress, (number - 1) * steps, settings.epochs * steps)
            loss = _one_epoch(learner.model, x, targets, settings, number, [*callbacks, ticks])
            state = _scored(learner, state, Epoch(number, loss, float("nan")), score, keep_best=keep_best)
            if checkpoint:
                checkpoint.save(learner.model, state)
            if keep_best:  # the learner's weights were given back, to be scored
                each(number, learner.original)
        learner.give_back()
    if state is not None and state.best[1] is not None:
        model.set_weights(state.best[1])
    return state.curve if state is not None else ()


def _start(model: Any, score: Callable[[Any], float], *, keep_best: bool) -> Progressed:
    best = (score(model), model.get_weights()) if keep_best else (-np.inf, None)
    return Progressed((Epoch(0, float("nan"), best[0]),), best)


def _scored(
    learner: Any, state: Progressed, epoch: Epoch, score: Callable[[Any], float], *, keep_best: bool
) -> Progressed:
    best = state.best
    if keep_best:
        learner.give_back()
        epoch = dataclasses.replace(epoch, score=score(learner.original))
        if epoch.score >= best[0]:
            best = (epoch.score, learner.original.get_weights())
    return Progressed((*state.curve, epoch), best)


def _ended(curve: Sequence[Epoch], patience: int) -> bool:
    """Whether so many epochs in a row were not better than what was before them."""
    if not patience or len(curve) <= patience:
        return False
    scores = [epoch.score for epoch in curve]
    return max(scores[-patience:]) < max(scores[:-patience])


def _one_epoch(
    model: Any, x: Any, targets: Sequence[Any], settings: FineTuning, number: int, callbacks: list[Any]
) -> float:
    """The mean loss of a pass over the samples.

    Every epoch starts from its own seed, so that one that is made after an interruption is the same.
    """
    reseed(model, settings.seed + number)
    if is_random(model):
        # Keras 2 fixes dropout's seeds when the step is traced, which must not depend on earlier epochs.
        model.train_function = None
    single = len(targets) == 1
    weights: Any = [target.weights for target in targets]
    if not single:
        weights = None if all(one is None for one in weights) else [
            np.ones(len(target.values), np.float32) if one is None else one
            for one, target in zip(weights, targets, strict=True)
        ]
    values = targets[0].values if single else [target.values for target in targets]
    weights = weights[0] if single else weights
    if is_streamed(x):
        order = np.random.default_rng(settings.seed + number).permutation(len(targets[0].values))
        fed: Any = sequence_of(keras_of(model), x, values, weights, settings.batch_size, order)
        history = model.fit(fed, shuffle=False, verbose=0, callbacks=callbacks)
    else:
        history = model.fit(
            x, values, sample_weight=weights, batch_size=settings.batch_size, verbose=0, callbacks=callbacks
        )
    return float(history.history["loss"][-1])


def _compile(model: Any, losses: list[Any], settings: FineTuning, steps_per_epoch: int) -> None:
    keras = keras_of(model)
    steps = steps_per_epoch * settings.epochs
    schedules = keras.optimizers.schedules
    rate: Any = settings.learning_rate
    if settings.rate_schedule == "cosine":
        rate = schedules.CosineDecay(rate, steps)
    elif settings.rate_schedule == "linear":
        rate = schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=5.0)
    # Biases and normalization parameters are no weights to decay.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if settings.precision == "float16":
        scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None)
        optimizer = (scaled or keras.optimizers.LossScaleOptimizer)(optimizer)
    model.compile(optimizer, losses[0] if len(losses) == 1 else losses)
    if settings.l1 or settings.l2:
        _penalize(model, keras.regularizers.L1L2(settings.l1, settings.l2))


def _penalize(model: Any, penalty: Any) -> None:
    """Adds a penalty on every kernel, whichever way its Keras has for it."""
    for layer in model._flatten_layers():  # noqa: SLF001 - there is no public walk of all layers
        kernel = getattr(layer, "kernel", None)
        if kernel is None or not layer.trainable:
            continue
        if hasattr(kernel, "regularizer"):  # a Keras 3 variable
            kernel.regularizer = penalty
        else:
            layer.add_loss(lambda kernel=kernel: penalty(kernel))


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
