"""Stage: `PrunedModel` -> `TunedModel`. What is left learns on, with the original as its teacher."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgeprune.data.streamed import is_streamed
from edgeprune.graph.cost import Cost
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_types import KerasModel
from edgeprune.pipeline.artifacts import Baseline, PrunedModel, TrainedModel, TunedModel
from edgeprune.pipeline.context import BuildContext
from edgeprune.progress import Interim, part
from edgeprune.pruning.result import PrunePlan
from edgeprune.recipe import PruneSettings, TrainSettings
from edgeprune.training import Checkpoint, FineTuning, fine_tune
from edgeprune.training.checkpoint import Epoch
from edgeprune.training.dropout import scaled_dropout
from edgeprune.training.learning_rate import heuristic_learning_rate, is_recurrent, learning_rate_for
from edgeprune.training.prediction import predict
from edgeprune.training.stochastic_layers import has_stochastic_layers, predict_in_training

_STREAMS = {"train": 0, "fade": 1000, "fine_tune": 2000, "weight": 3000, "quantize": 4000}
"""Every kind of training draws its own random numbers."""


def fine_tuning(
    train: TrainSettings, seed: int, samples: int, kind: str, epochs: int, number: int = 0
) -> FineTuning:
    """The settings of one training.

    Args:
        samples: that an epoch has.
        kind: of training: "fade", "fine_tune", "weight" or "quantize".
    """
    steps = epochs * -(-samples // train.batch_size)
    rate = heuristic_learning_rate(steps) if train.learning_rate is None else train.learning_rate
    return FineTuning(
        epochs, train.batch_size, rate, train.weight_decay, train.rate_schedule, train.l1, train.l2,
        train.early_stopping, train.freeze, train.precision,
        seed=seed + 10_000 * _STREAMS[kind] + 100 * number,
    )


def tune(
    baseline: Baseline, pruned: PrunedModel, prune: PruneSettings, train: TrainSettings, context: BuildContext
) -> TunedModel:
    """Fine-tunes what is left, after neurons have faded out where the schedule says so.

    Args:
        pruned: what to train; its model is changed.
        prune: says how neurons leave, and whether weights are zeroed.
    """
    with context.stage("fine_tune") as tell:
        watch = _watched(baseline, pruned.report.after, context)
        watch(0, pruned.model)
        model, faded = _start(baseline, pruned, prune, train, context)
        progress = part(context.progress, "fine_tune", faded, 1)
        if prune.method != "structural":
            model = _without_weights(baseline, model, prune.ratio, train, context, progress)
            return TunedModel(model, pruned.keep, pruned.report)
        start = dataclasses.replace(pruned, model=model)
        curve = learn(baseline, start, train, context, progress, each=watch)
        tell(1.0)
    return TunedModel(model, pruned.keep, pruned.report, curve)


def learn(
    baseline: Baseline, pruned: PrunedModel, train: TrainSettings, context: BuildContext,
    progress: Callable[[float], None], *, name: str = "fine_tune", number: int = 0,
    each: Callable[[int, KerasModel], None] = lambda _number, _model: None,
) -> tuple[Epoch, ...]:
    """Trains a pruned model in place; goes on where it was cut off.

    Reconstructed weights that do not stand the model's dropout are replaced by the original's own before it
    learns. What comes of those has to beat the reconstructed model as it was.

    Args:
        pruned: whose model learns.
        name: of the file that keeps the last whole epoch.
        number: of the round or trial; each draws its own random numbers.
        each: given the model after each epoch, with its number from 1; may raise to end it all.
    """
    model = pruned.model
    original = _sturdier_weights(baseline, pruned, train, context)
    if original is not None:
        reconstructed, score = model.get_weights(), baseline.score(model)
        model.set_weights(original)
        context.notes.append(
            "Fine-tuning started from the original's own weights: the refitted ones do not survive the "
            "model's dropout."
        )
    file = context.store.file(f"{name}.npz") if context.strategy is None else None
    epochs = enough_epochs(baseline, model, train, context)
    settings = fine_tuning(train, context.seed, len(baseline.data.train), "fine_tune", epochs, number)
    if train.learning_rate is None:
        steps = settings.epochs * -(-len(baseline.data.train) // settings.batch_size)
        settings = dataclasses.replace(settings, learning_rate=learning_rate_for(model, steps))
    with scaled_dropout(model, baseline.network.graph):
        curve = fine_tune(
            model, baseline.model, baseline.epochs(settings.epochs, context.seed + 1 + number), settings,
            baseline.objective, baseline.score, checkpoint=Checkpoint(file) if file else None,
            strategy=context.strategy, progress=progress, after_epoch=each,
        )
    if original is not None and baseline.score(model) < score:
        model.set_weights(reconstructed)
    return curve


def enough_epochs(
    baseline: Baseline, model: KerasModel, train: TrainSettings, context: BuildContext
) -> int:
    """The epochs asked for; more for a recurrent model with few samples, whose dynamics take steps to learn.

    Measured with a GRU of half width on 2,400 spoken digits: 2 epochs of 19 steps lose 2 to 3 points.
    """
    each = -(-len(baseline.data.train) // train.batch_size)
    least = -(-train.least_steps // max(each, 1))
    if not train.epochs or least <= train.epochs or not is_recurrent(model):
        return train.epochs
    note = (
        f"Recurrent layers need some hundred training steps: fine-tuning took {least} epochs instead of "
        f"{train.epochs}. --epochs sets their number."
    )
    if note not in context.notes:
        context.notes.append(note)
    return least


def _sturdier_weights(
    baseline: Baseline, pruned: PrunedModel, train: TrainSettings, context: BuildContext
) -> list[np.ndarray] | None:
    """The original's own weights, where reconstructed ones leave training less than the mean prediction.

    That is, where the model as training sees it, with its dropout on, is worse than the mean prediction for
    every sample: training could only unlearn.
    """
    model = pruned.model
    nothing_to_do = pruned.keep.all() or not train.epochs
    if nothing_to_do or not has_stochastic_layers(model) or is_streamed(baseline.validation):
        return None
    readiness = _readiness(baseline, model, context.seed)
    mean = tuple(np.broadcast_to(one.mean(axis=0), one.shape) for one in baseline.predictions)
    if readiness >= baseline.score_of(mean):
        return None
    plain = baseline.network.compacted(PrunePlan(baseline.dependencies, pruned.keep)).model
    if readiness >= _readiness(baseline, plain, context.seed):
        return None
    weights: list[np.ndarray] = plain.get_weights()
    return weights


def _readiness(baseline: Baseline, model: KerasModel, seed: int) -> float:
    """The score on validation data as training sees the model, with its dropout on."""
    inputs = baseline.validation
    with scaled_dropout(model, baseline.network.graph):
        several = list(inputs) if isinstance(inputs, tuple) else inputs
        return baseline.score_of(predict_in_training(model, several, seed))


def _start(
    baseline: Baseline, pruned: PrunedModel, prune: PruneSettings, train: TrainSettings, context: BuildContext
) -> tuple[KerasModel, float]:
    """The model that fine-tuning starts from, and the share of all training that was spent on it."""
    if prune.schedule != "gradual" or not train.gradual_epochs or pruned.keep.all():
        return pruned.model, 0.0
    if (why := _why_not_gradual(baseline, train, context)) is not None:
        context.notes.append(why)  # the schedule is the default: nobody asked for it
        return pruned.model, 0.0
    share = train.gradual_epochs / (train.gradual_epochs + train.epochs)
    progress = part(context.progress, "fine_tune", 0, share)
    faded = context.made(
        "fade", TrainedModel, lambda: TrainedModel(_faded(baseline, pruned, train, context, progress))
    ).model
    # Validation data decides which start is better: faded out or reconstructed in one shot.
    return (faded if baseline.score(faded) >= baseline.score(pruned.model) else pruned.model), share


def _why_not_gradual(baseline: Baseline, train: TrainSettings, context: BuildContext) -> str | None:
    """Why neurons cannot fade out here, or None."""
    if is_keras3(baseline.model):
        return "Neurons were removed in one shot: tfmot's gradual masks work on Keras 2 models only."
    if train.freeze or context.strategy is not None:
        why = "gradual masks work neither with frozen layers nor in several processes"
        return f"Neurons were removed in one shot: {why}."
    return None


def _faded(
    baseline: Baseline, pruned: PrunedModel, train: TrainSettings, context: BuildContext,
    progress: Callable[[float], None],
) -> KerasModel:
    """Masks the planned neurons step by step with tfmot, then removes them."""
    from edgeprune.keras_bridge.network import network_of
    from edgeprune.training import mask_gradually

    samples = len(baseline.data.train)
    settings = dataclasses.replace(
        fine_tuning(train, context.seed, samples, "fade", train.gradual_epochs),
        l1=0.0, l2=0.0, precision="float32",
    )
    file = context.store.file("fade.npz")

    def fit(wrapped: KerasModel, callbacks: Sequence[Any]) -> None:
        fine_tune(
            wrapped, baseline.model, baseline.epochs(settings.epochs, context.seed), settings,
            baseline.objective, None, callbacks=callbacks, checkpoint=Checkpoint(file) if file else None,
            progress=progress,
        )

    steps = settings.epochs * -(-samples // settings.batch_size)
    masked = mask_gradually(baseline.model, baseline.dependencies, pruned.keep, steps, fit)
    return network_of(masked).compacted(PrunePlan(baseline.dependencies, pruned.keep)).model


def _without_weights(
    baseline: Baseline, model: KerasModel, ratio: float, train: TrainSettings, context: BuildContext,
    progress: Callable[[float], None],
) -> KerasModel:
    """Zeroes a share of the weights by magnitude while it trains; see `edgeprune.training.magnitude`."""
    from edgeprune.training.magnitude import prune_weights

    epochs, samples = max(train.epochs, 1), len(baseline.data.train)

    def pruned() -> TrainedModel:
        return TrainedModel(prune_weights(
            model, baseline.model, baseline.epochs(epochs, context.seed + 1),
            fine_tuning(train, context.seed, samples, "weight", epochs), baseline.objective, ratio,
            -(-samples // train.batch_size), progress,
        ))

    return context.made("weight", TrainedModel, pruned).model


def _watched(baseline: Baseline, cost: Cost, context: BuildContext) -> Callable[[int, KerasModel], None]:
    """Tells who watches the build how the model does on validation data."""
    from edgeprune.tasks import metric_of

    watch, split = context.watch, baseline.data.validation
    first = metric_of(baseline.data.metrics[0])
    if watch is None or (first is not None and first.unit != "fraction"):
        return lambda _epoch, _model: None

    def tell(epoch: int, model: KerasModel) -> None:
        metric = baseline.primary_metric(split, predict(model, baseline.validation), baseline.validation)
        watch(Interim(epoch, metric, len(split), cost.params, cost.macs))

    return tell
