"""What happens to the pruned model before it is quantized: it learns, in the way the recipe says."""

from __future__ import annotations

import contextlib
import dataclasses
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.data.streamed import is_streamed
from edgeprune.errors import InputError
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.progress import Interim, part
from edgeprune.training import Checkpoint, Epoch, FineTuning, fine_tune
from edgeprune.training.dropout import scaled_dropout
from edgeprune.training.learning_rate import heuristic_learning_rate
from edgeprune.training.prediction import predict
from edgeprune.training.stochastic_layers import has_stochastic_layers, predict_in_training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edgeprune.budget.explain import Explanation
    from edgeprune.graph.cost import Cost
    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pruning.result import PruneResult
    from edgeprune.pruning.search import Trial

_STAGES = {"train": 0, "fade": 1000, "fine_tune": 2000, "weight": 3000, "quantize": 4000}
"""Every kind of training draws its own random numbers."""
_MOST_REASONS = 3
"""That an error names for neurons which stay."""


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """The float model to quantize, its training curve, and what was tried on the way.

    Attributes:
        pruned: what pruning gave, in the end.
        trials: of the search for the largest share.
        explanation: of widths that a budget has found.
    """

    model: Any
    pruned: PruneResult
    curve: tuple[Epoch, ...] = ()
    trials: tuple[Trial, ...] = ()
    explanation: Explanation | None = None


def settings_of(job: Job, inputs: Inputs, stage: str, epochs: int, round_number: int = 0) -> FineTuning:
    """The recipe's settings of one training."""
    recipe = job.recipe
    steps = epochs * -(-len(inputs.data.train) // recipe.batch_size)
    rate = heuristic_learning_rate(steps) if recipe.learning_rate is None else recipe.learning_rate
    return FineTuning(
        epochs, recipe.batch_size, rate, recipe.weight_decay, recipe.rate_schedule, recipe.l1,
        recipe.l2, recipe.early_stopping, recipe.freeze, recipe.precision,
        seed=recipe.seed + 10_000 * _STAGES[stage] + 100 * round_number,
    )


def learn(
    job: Job, inputs: Inputs, model: Any, tell: Callable[[float], None], *, stage: str = "fine_tune",
    name: str = "", number: int = 0, each: Callable[[int, Any], None] = lambda _number, _model: None,
) -> tuple[Epoch, ...]:
    """Trains a model in place, with the baseline as its teacher; goes on where it was cut off."""
    file = job.state.file(f"{name or stage}.npz") if job.strategy is None else None
    settings = settings_of(job, inputs, stage, job.recipe.epochs, number)
    with scaled_dropout(model, inputs.model):
        return fine_tune(
            model, inputs.model, inputs.epochs(settings.epochs, job.recipe.seed + 1 + number), settings,
            inputs.objective, inputs.score, checkpoint=Checkpoint(file) if file else None,
            strategy=job.strategy, progress=tell, after_epoch=each,
        )


def trained(job: Job, inputs: Inputs, result: PruneResult) -> Trained:
    """Fine-tunes what is left, and before that, in gradual mode, fades out what goes.

    Raises:
        InputError: what was asked for cannot be done with this model.
    """
    recipe = job.recipe
    with job.clock("fine_tune") as tell:
        share = 0.0
        model = result.model
        watch = _watched(job, inputs, result.report.after)
        watch(0, model)
        if recipe.schedule == "gradual" and recipe.gradual_epochs and not result.keep.all():
            if (why := _cannot_fade(job, inputs)) is None:
                share = recipe.gradual_epochs / (recipe.gradual_epochs + recipe.epochs)
                told = part(job.progress, "fine_tune", 0, share)
                faded = job.model_once("fade", lambda: _fade(job, inputs, result, told))
                # Validation data decides which start is better: faded out or repaired in one shot.
                model = faded if inputs.score(faded) >= inputs.score(model) else model
            elif why:
                job.notes.append(why)
        told = part(job.progress, "fine_tune", share, 1)
        if recipe.method != "structural":
            from edgeprune.training.magnitude import prune_weights

            epochs = max(recipe.epochs, 1)
            model = job.model_once(
                "weight",
                lambda: prune_weights(
                    model, inputs.model, inputs.epochs(epochs, recipe.seed + 1),
                    settings_of(job, inputs, "weight", epochs), inputs.objective, recipe.prune,
                    -(-len(inputs.data.train) // recipe.batch_size), told,
                ),
            )
            return Trained(model, result)
        with _fit_to_learn(job, inputs, model, result):
            curve = learn(job, inputs, model, told, each=watch)
        tell(1.0)
    return Trained(model, result, curve)


def _readiness(job: Job, inputs: Inputs, model: Any) -> float:
    """The score on validation data as training sees the model, with its dropout on."""
    targets = inputs.objective.targets(inputs.answers, inputs.data.validation.y)
    with scaled_dropout(model, inputs.model):
        predictions = predict_in_training(model, inputs.validation, job.recipe.seed)
        return -inputs.objective.value(targets, predictions)


@contextlib.contextmanager
def _fit_to_learn(job: Job, inputs: Inputs, model: Any, result: PruneResult) -> Iterator[None]:
    """Trains from the original's own weights where repaired ones do not stand the model's dropout.

    That is, where it leaves them worse than the mean answer for every sample: training could only unlearn.
    What comes of it has to beat the repaired model as it was.
    """
    from edgeprune.keras_bridge.network import network_of

    untouched = result.keep.all() or not job.recipe.epochs
    if untouched or not has_stochastic_layers(model) or is_streamed(inputs.validation):
        yield
        return
    known = _readiness(job, inputs, model)
    if known >= _of_the_mean(inputs):
        yield
        return
    plain = network_of(inputs.model).compacted(result.plan).model
    if known >= _readiness(job, inputs, plain):
        yield
        return
    repaired, score = model.get_weights(), inputs.score(model)
    model.set_weights(plain.get_weights())
    job.notes.append("Repaired weights do not stand the model's dropout: it was trained from the original's.")
    yield
    if inputs.score(model) < score:
        model.set_weights(repaired)


def _of_the_mean(inputs: Inputs) -> float:
    """The score of the original's mean answer for every sample."""
    targets = inputs.objective.targets(inputs.answers, inputs.data.validation.y)
    mean = tuple(np.broadcast_to(one.mean(axis=0), one.shape) for one in inputs.answers)
    return -inputs.objective.value(targets, mean)


def _watched(job: Job, inputs: Inputs, cost: Cost) -> Callable[[int, Any], None]:
    """Tells who watches the build how the model does on validation data."""
    from edgeprune.metrics import METRICS

    watch, split = job.watch, inputs.data.validation
    if watch is None or METRICS[inputs.data.metrics[0]].unit != "fraction":
        return lambda _epoch, _model: None

    def tell(epoch: int, model: Any) -> None:
        metric = inputs.worth(split, predict(model, inputs.validation), inputs.validation)
        watch(Interim(epoch, metric, len(split), cost.params, cost.macs))

    return tell


def in_rounds(job: Job, inputs: Inputs) -> Trained:
    """Prunes a little, trains, prunes again: the iterative schedule."""
    from edgeprune.pipeline.pruning import joined, prune_by
    from edgeprune.pruning.search import prune_in_rounds

    recipe, done = job.recipe, 0
    curve: list[Epoch] = []

    def prune(model: Any, amount: float) -> PruneResult:
        with job.clock("prune") as tell:
            return prune_by(job, inputs, amount, tell, model)

    def train(model: Any) -> Any:
        nonlocal done
        with job.clock("fine_tune") as tell:
            curve.extend(learn(job, inputs, model, tell, name=f"round_{done}", number=done))
        done += 1
        return model

    rounds = prune_in_rounds(prune, train, inputs.model, recipe.prune, recipe.rounds)
    return Trained(rounds[-1].model, joined(rounds), tuple(curve))


def largest(job: Job, inputs: Inputs, prune: Callable[[float], PruneResult] | None = None) -> Trained:
    """Finds the largest amount whose trained model keeps the accuracy on validation data.

    Args:
        job: with the points that may be lost.
        inputs: of the build.
        prune: by an amount; None for a share of the recipe's unit.

    Raises:
        VerificationError: not even the smallest amount does.
    """
    from edgeprune.pruning.search import largest_amount

    recipe, curves = job.recipe, dict[int, "tuple[Epoch, ...]"]()
    split = inputs.data.validation
    cut, results = prune or _by_share(job, inputs), dict[int, "PruneResult"]()

    def remembered(amount: float) -> PruneResult:
        result = cut(amount)
        results[id(result.model)] = result
        return result

    def evaluate(model: Any) -> float:
        number = len(curves)
        with job.clock("fine_tune") as told:
            # Another model than in an interrupted try begins anew.
            shapes = zlib.crc32(str([weights.shape for weights in model.get_weights()]).encode())
            name = f"trial_{number}_{shapes}"
            with _fit_to_learn(job, inputs, model, results[id(model)]):
                curves[id(model)] = learn(job, inputs, model, told, name=name, number=number)
        return 100 * inputs.worth(split, predict(model, inputs.validation), inputs.validation)

    baseline = 100 * inputs.worth(split, inputs.answers, inputs.validation)
    what = "removed" if prune is None else "faster"
    found = largest_amount(
        remembered, evaluate, baseline, recipe.max_drop or 0.0,
        show=lambda trial: job.notes.append(
            f"{100 * trial.amount:.1f} % {what}: {trial.drop:+.2f} points lost on validation data, "
            f"{'within' if trial.holds else 'beyond'} {recipe.max_drop:g}."
        ),
    )
    return Trained(found.result.model, found.result, curves[id(found.result.model)], found.trials)


def _by_share(job: Job, inputs: Inputs) -> Callable[[float], PruneResult]:
    from edgeprune.pipeline.pruning import limits_of, prepared_of

    with job.clock("prune") as tell:
        prepared = prepared_of(job, inputs, tell)
    return lambda amount: prepared.prune(amount, unit=job.recipe.unit, constraints=limits_of(job.recipe))


def _cannot_fade(job: Job, inputs: Inputs) -> str | None:
    """Why neurons cannot fade out here, or None; an empty reason is not worth telling."""
    if is_keras3(inputs.model):
        return "tfmot's gradual masks work on Keras 2 only; this Keras 3 model was pruned in one shot."
    if job.recipe.freeze or job.strategy is not None:
        return "Frozen layers and distributed training do without the gradual schedule: one shot."
    return None if job.recipe.epochs or job.recipe.gradual_epochs else ""


def _fade(job: Job, inputs: Inputs, result: PruneResult, tell: Callable[[float], None]) -> Any:
    """Masks the planned neurons step by step with tfmot, then cuts them off."""
    from edgeprune.keras_bridge.network import network_of
    from edgeprune.training import mask_gradually

    recipe = job.recipe
    settings = dataclasses.replace(
        settings_of(job, inputs, "fade", recipe.gradual_epochs), l1=0.0, l2=0.0, precision="float32"
    )
    file = job.state.file("fade.npz")

    def train(wrapped: Any, callbacks: Sequence[Any]) -> None:
        fine_tune(
            wrapped, inputs.model, inputs.epochs(settings.epochs, recipe.seed), settings, inputs.objective,
            None, callbacks=callbacks,
            checkpoint=Checkpoint(file) if file else None, progress=tell,
        )

    steps = settings.epochs * -(-len(inputs.data.train) // settings.batch_size)
    masked = mask_gradually(inputs.model, result.dependencies, result.keep, steps, train)
    return network_of(masked).compacted(result.plan).model


def check_settings(job: Job, inputs: Inputs) -> None:
    """Refuses settings that do not fit this model and data, before anything is trained.

    Raises:
        InputError: names what cannot be done.
    """
    from edgeprune.conversion.frontend import split_steps
    from edgeprune.training.training_copy import frozen_layers

    if job.recipe.embed_frontend and not split_steps(inputs.data.preprocessing)[1]:
        raise InputError(
            "--embed-frontend was given.", "The data has no audio front end to embed.", "Leave it out."
        )
    frozen_layers(inputs.model, job.recipe.freeze)
    if job.recipe.method != "structural" and is_keras3(inputs.model):
        raise InputError(
            f"--method {job.recipe.method} with a Keras 3 model.",
            "tfmot zeroes weights of Keras 2 (tf_keras) models only.",
            "Use --method structural, or load and save the model with tf_keras.",
        )
    if job.recipe.prune and job.recipe.method != "weight" and not job.recipe.limited:
        _check_prunable(inputs.model)


def _check_prunable(model: Any) -> None:
    """Refuses a model of which nothing can go, instead of training what stays whole."""
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.dependencies import find_dependencies

    dependencies = find_dependencies(read(model).graph)
    if dependencies.groups:
        return
    reasons = [
        f"'{one.layer}' because of {one.because_of or 'itself'}: {one.reason}"
        for one in dependencies.refusals
    ]
    raise InputError(
        f"No neuron of this model can be removed ({'; '.join(reasons[:_MOST_REASONS]) or 'it has none'}).",
        "Neurons between its inputs and its outputs are expected.",
        "Use --prune 0 to quantize it as it is; `edgeprune inspect` shows what must stay and why.",
    )
