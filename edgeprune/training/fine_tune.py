"""Continues to train a pruned model, with the original as its teacher."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from edgeprune.data.streamed import is_streamed
from edgeprune.keras_bridge.input_structure import as_taken
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLoss, KerasModel, Strategy
from edgeprune.tasks import Targets
from edgeprune.training.checkpoint import Checkpoint, Epoch, TrainingState
from edgeprune.training.objective import TrainingObjective, TrainingTargets
from edgeprune.training.prediction import ModelInputs, predict
from edgeprune.training.sequence import Arrays, sequence_of
from edgeprune.training.stochastic_layers import has_stochastic_layers, reseed
from edgeprune.training.training_copy import TrainingCopy, scope_of, training_copy

Score: TypeAlias = Callable[[KerasModel], float]
EpochData: TypeAlias = tuple[ModelInputs, np.ndarray | Targets | None, np.ndarray | Targets | None]
"""Model inputs of one epoch, their labels, and what each sample counts (see `Split`)."""


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How to train."""

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3  # peak
    weight_decay: float = 1e-4  # of AdamW (Loshchilov & Hutter, arXiv 1711.05101), on kernels only
    rate_schedule: str = "cosine"  # over all steps, "cosine" or "linear" to zero, or "constant"
    l1: float = 0.0  # penalty on kernels
    l2: float = 0.0
    early_stopping: int = 0  # epochs without a better score before training ends; 0: never
    freeze: tuple[str, ...] = ()  # name patterns of layers that are not trained
    precision: str = "float32"  # or "bfloat16" or "float16" for mixed precision
    seed: int = 0  # of the order of samples, and of dropout


def fine_tune(
    model: KerasModel, teacher: KerasModel, epochs: Iterable[EpochData], settings: FineTuning,
    objective: TrainingObjective, score: Score | None, *, callbacks: Sequence[object] = (),
    checkpoint: Checkpoint | None = None, strategy: Strategy = None,
    progress: Callable[[float], None] = lambda _: None,
    after_epoch: Callable[[int, KerasModel], None] = lambda _number, _model: None,
) -> tuple[Epoch, ...]:
    """Trains the pruned `model` in place and leaves it with the weights that scored best.

    Args:
        score: on validation data, higher is better; None keeps the last weights and scores nothing.
        checkpoint: written after each epoch; if it exists, training continues from it.
        progress: receives the fraction done after each step.
        after_epoch: receives number (from 1) and model after each scored epoch; may raise to end it all.

    Returns:
        The training curve; number 0 is the model before training. Empty if there is nothing to do.

    Raises:
        InputError: a pattern in `freeze` that no layer has.
    """
    if not settings.epochs:
        return ()
    state: TrainingState | None = None
    penalized = bool(settings.l1 or settings.l2)
    with training_copy(model, settings.freeze, settings.precision, strategy, always=penalized) as copy:
        for number, (x, labels, counts) in enumerate(epochs, start=1):
            if state is not None and number <= state.epochs:
                continue
            predictions = predict(teacher, x)
            targets = objective.targets(predictions, labels, counts)
            steps = -(-len(predictions[0]) // settings.batch_size)
            state = state or _start(
                copy, objective.keras_losses(model, predictions, targets), objective.loss_weights(), settings,
                steps, checkpoint, score,
            )
            if number <= state.epochs:
                continue
            if _stops_early(state.curve, settings.early_stopping):
                break
            report = _progress_callback(model, progress, (number - 1) * steps, settings.epochs * steps)
            loss = _one_epoch(copy.listed, x, targets, settings, number, [*callbacks, report])
            state = _scored(copy, state, Epoch(number, loss, float("nan")), score)
            if checkpoint:
                checkpoint.save(copy.listed, state)
            if score:  # which the weights were copied back for
                after_epoch(number, model)
        copy.copy_back()
    if state is None:
        return ()
    if state.best_weights is not None:
        model.set_weights(state.best_weights)
    return state.curve


def _start(
    copy: TrainingCopy, losses: list[KerasLoss], weights: list[float] | None, settings: FineTuning,
    steps_per_epoch: int,
    checkpoint: Checkpoint | None, score: Score | None,
) -> TrainingState:
    """Compiles the model; its state is the checkpoint's, or that before training."""
    with scope_of(copy.strategy):
        _compile(copy.listed, losses, weights, settings, steps_per_epoch)
    if checkpoint and (state := checkpoint.load(copy.listed)):
        return state
    best = score(copy.original) if score else -np.inf
    weights = copy.original.get_weights() if score else None
    return TrainingState((Epoch(0, float("nan"), best),), best, weights)


def _scored(copy: TrainingCopy, state: TrainingState, epoch: Epoch, score: Score | None) -> TrainingState:
    best, weights = state.best_score, state.best_weights
    if score:
        copy.copy_back()
        epoch = dataclasses.replace(epoch, score=score(copy.original))
        if epoch.score >= best:
            best, weights = epoch.score, copy.original.get_weights()
    return TrainingState((*state.curve, epoch), best, weights)


def _stops_early(curve: Sequence[Epoch], patience: int) -> bool:
    """Whether none of the last `patience` epochs was better than those before them."""
    if not patience or len(curve) <= patience:
        return False
    scores = [epoch.score for epoch in curve]
    return max(scores[-patience:]) < max(scores[:-patience])


def _one_epoch(
    model: KerasModel, x: ModelInputs, targets: Sequence[TrainingTargets], settings: FineTuning, number: int,
    callbacks: list[object],
) -> float:
    """The mean loss of a pass over the samples.

    Every epoch starts from its own seed, so that training after an interruption gives the same.
    """
    reseed(model, settings.seed + number)
    if has_stochastic_layers(model):
        # Keras 2 fixes dropout's seeds when the step is traced, which must not depend on earlier epochs.
        model.train_function = None
    values, weights = _values_and_weights(targets)
    given = as_taken(model, x)
    if is_streamed(x):
        order = np.random.default_rng(settings.seed + number).permutation(len(targets[0].values))
        batches = sequence_of(keras_of(model), given, values, weights, settings.batch_size, order)
        history = model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks)
    else:
        history = model.fit(
            given, values, sample_weight=weights, batch_size=settings.batch_size, verbose=0,
            callbacks=callbacks,
        )
    return float(history.history["loss"][-1])


def _values_and_weights(targets: Sequence[TrainingTargets]) -> tuple[Arrays, Arrays | None]:
    """Targets and sample weights as `fit` takes them: an array, or a list for several outputs."""
    if len(targets) == 1:
        return targets[0].values, targets[0].weights
    values = [target.values for target in targets]
    if all(target.weights is None for target in targets):
        return values, None
    return values, [
        np.ones(len(one.values), np.float32) if one.weights is None else one.weights for one in targets
    ]


def _compile(
    model: KerasModel, losses: list[KerasLoss], weights: list[float] | None, settings: FineTuning,
    steps_per_epoch: int,
) -> None:
    keras = keras_of(model)
    steps = steps_per_epoch * settings.epochs
    rate: object = settings.learning_rate
    if settings.rate_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    elif settings.rate_schedule == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=0.0)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=5.0)
    # Biases and normalization parameters are no weights to decay.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if settings.precision == "float16":
        scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None)
        optimizer = (scaled or keras.optimizers.LossScaleOptimizer)(optimizer)
    model.compile(optimizer, losses[0] if len(losses) == 1 else losses, loss_weights=weights)
    if settings.l1 or settings.l2:
        _penalize(model, keras.regularizers.L1L2(settings.l1, settings.l2))


def _penalize(model: KerasModel, penalty: KerasLoss) -> None:
    """Adds a penalty on every kernel, in the way of the model's Keras version."""
    for layer in model._flatten_layers():  # noqa: SLF001 - there is no public walk of all layers
        kernel = getattr(layer, "kernel", None)
        if kernel is None or not layer.trainable:
            continue
        if hasattr(kernel, "regularizer"):  # a Keras 3 variable
            kernel.regularizer = penalty
        else:
            layer.add_loss(lambda kernel=kernel: penalty(kernel))


def _progress_callback(
    model: KerasModel, progress: Callable[[float], None], before: int, steps: int
) -> object:
    """A Keras callback that reports every batch; `before` of all `steps` were made in earlier epochs."""
    return keras_of(model).callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: progress((before + batch + 1) / steps)  # noqa: ARG005
    )
