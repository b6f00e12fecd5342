"""Stage: model and data, checked against each other before anything is pruned -> `Baseline`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.decisions import ReadingDecision, decided
from edgeprune.data.streamed import HeldSamples, ModelInput, in_memory, is_streamed, parts_of
from edgeprune.data.translation import as_translation
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasModel
from edgeprune.pipeline.artifacts import Baseline, Outputs, TrainedModel
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.meaning import with_meaning, with_random_outputs, without_padding
from edgeprune.pipeline.own_functions import own_metric_of, stated_loss
from edgeprune.pipeline.reading import loss_decision, metric_decision, with_own_metric, with_sizes
from edgeprune.pipeline.zoo import entry_of, is_zoo
from edgeprune.recipe import SETTINGS, Recipe
from edgeprune.tasks import distant_pictures, parts_of_values, several, useless_outputs
from edgeprune.tasks.greedy import written_input
from edgeprune.training.objective import TrainingObjective, training_objective
from edgeprune.training.output_masks import output_masks
from edgeprune.training.prediction import predict
from edgeprune.types import OutputTask, TargetKind

if TYPE_CHECKING:
    from edgeprune_models import ZooModel

_VALUES = ("r2", "mean_absolute_error")
_FEW = 16
_VALIDATION = 4096
"""Samples that drive decisions, at most, where data does not fit into memory."""


def open_baseline(recipe: Recipe, context: BuildContext) -> Baseline:
    """Loads the model first, so that what is wrong with it is said at once; then the data.

    Raises:
        InputError: model or data cannot be read, or do not belong together.
    """
    from edgeprune.data.splits import choose
    from edgeprune.keras_bridge.network import network_of
    from edgeprune.pruning.dependencies import find_dependencies

    source, seed = context.source, context.seed
    entry = entry_of(source.model, recipe.task) if is_zoo(source.model) else None
    model = None if entry is not None else _own_model(context)
    own_metric = own_metric_of(recipe.measure.metric if source.metric is None else source.metric)
    loss = None if entry is not None else _stated_loss(recipe, context, model)
    context.progress("open", 1.0)
    data = _data(recipe, context, entry, model, loss)
    context.progress("check", 0.0)
    if entry is not None:
        _check_task(entry, data)
        model = _zoo_model(entry, data, context, streaming=recipe.quantize.streaming)
        loss = _stated_loss(recipe, context, model)
    else:
        data = _rescaled(data, model, recipe.data.preprocess, context, loss)
        data = as_translation(data) if recipe.task == "translation" else data
    data = with_sizes(data).deciding(*decided("warning", _origin(data)))
    calibration = in_memory(data.model_input(choose(data.train, recipe.prune.calibration, seed).x))
    if is_streamed(data.validation.x):
        data = dataclasses.replace(data, validation=choose(data.validation, _VALIDATION, seed))
    validation, test = in_memory(data.model_input(data.validation.x)), data.model_input(data.test.x)
    predictions, network = predict(model, validation), network_of(model)
    if entry is None:
        data = with_random_outputs(data, network.drawn_outputs(_few(validation)))
        data = with_meaning(data, model, predictions, loss)
        data = dataclasses.replace(
            data, validation=without_padding(data.validation, data.tasks, output_masks(model, validation)),
            test=without_padding(data.test, data.tasks, output_masks(model, test)),
        )
        data = data.deciding(*_doubts(data, predictions, validation, force=context.source.force))
    balanced = recipe.train.class_weights == "balanced"
    objective = training_objective(
        model, predictions, data.validation.y, recipe.train.distill, balanced=balanced, loss=loss
    ).without([number for number, task in enumerate(data.tasks) if task.kind == "random"])
    if entry is None:
        _refuse_unread(data, objective, predictions)
    unlabelled = data.validation.y is None
    data = _labelled(data, model, predictions, test, objective)
    if own_metric is not None:
        data = with_own_metric(data, own_metric, predictions, unlabelled=unlabelled)
    data = data.deciding(loss_decision(objective, data), metric_decision(data))
    context.progress("check", 1.0)
    return Baseline(
        entry, model, network, find_dependencies(network.graph), data, calibration, validation, test,
        predictions, objective,
    )


def _origin(data: Dataset) -> list[str]:
    """What has to be known before any figure."""
    of = f" ({data.source})" if data.source else ""
    told = f"The data is synthetic{of}: figures on it say nothing about the real world."
    return [told] if data.synthetic else []


def _few(inputs: HeldSamples) -> list[np.ndarray]:
    return [np.asarray(one[:_FEW]) for one in parts_of(inputs)]


def _own_model(context: BuildContext) -> KerasModel:
    """The user's model, in float32 where it was trained in mixed precision."""
    from edgeprune.keras_bridge.float32 import model_in_float32
    from edgeprune.keras_bridge.load import load_if_path
    from edgeprune.keras_bridge.nodes import functional_part

    model = context.source.model
    model = context.source.load(Path(model)) if isinstance(model, (str, Path)) else load_if_path(model)
    functional_part(model)  # refuses what cannot be read before the data is
    whole = model_in_float32(model)
    if whole is not model:
        context.notes.append("The model was trained in mixed precision; it was brought to float32.")
    return whole


def _stated_loss(recipe: Recipe, context: BuildContext, model: KerasModel) -> object:
    given = context.source.loss
    return stated_loss(recipe.train.loss if given is None else given, model)


def _data(
    recipe: Recipe, context: BuildContext, entry: ZooModel | None, model: KerasModel, loss: object
) -> Dataset:
    source = context.source.data
    if source is not None and not isinstance(source, Dataset):
        from edgeprune.data.model_signature import signature_of
        from edgeprune.data.sources import open_data

        # The default task says nothing about a user's data.
        task = None if recipe.task == SETTINGS["task"].default else recipe.task
        signature = None if entry is not None else signature_of(model, loss)
        with context.stage("read") as tell:
            return open_data(
                source, task=task, seed=context.seed, signature=signature, settings=recipe.data, progress=tell
            )
    if source is not None:
        return source
    if entry is None:
        raise InputError(
            "A model was given without data.",
            "Pruning needs samples to decide by and to measure on.",
            "Pass --data samples.npz (x_train, y_train, x_test, y_test), or leave the model out to try "
            "edgeprune on the zoo's.",
        )
    found: Dataset = entry.load_data()
    return found


def _check_task(entry: ZooModel, data: Dataset) -> None:
    if data.task != entry.task:
        raise InputError(
            f"{data.source or 'The data'} holds samples of the task {data.task}.",
            f"The zoo's {entry.name} is for {entry.task}.",
            "Name another model (edgeprune zoo lists them), or --task where none is named.",
        )
    if entry.task == "translation" and written_input(data.tasks) is None:
        raise InputError(
            f"{data.source or 'The data'} holds no source and what is written of its translation.",
            f"The zoo's {entry.name} learns numbers in words, and is trained on no other data.",
            "Leave --data out, or pass a translator of your own with its tokens.",
        )


def _rescaled(
    data: Dataset, model: KerasModel, wanted: str, context: BuildContext, loss: object
) -> Dataset:
    """The data in the model's own scaling, as it is `wanted` or as the labels tell; points as it gives them.

    Raises:
        InputError: another number of inputs, or a shape that does not fit.
    """
    from edgeprune.data.class_order import with_class_order
    from edgeprune.data.keypoints import in_model_form
    from edgeprune.data.model_signature import signature_of
    from edgeprune.data.scaling import choose_scaling

    _check_shapes(model, in_memory(data.model_input(data.train.take(slice(0, 2)).x)))

    def outputs(inputs: HeldSamples) -> Outputs:
        return predict(model, inputs)

    signature = signature_of(model, loss)
    data = with_class_order(data, signature, outputs, wanted, context.seed)
    data = choose_scaling(data, signature, outputs, wanted, context.seed)
    return in_model_form(data, outputs, context.seed)


def _zoo_model(entry: ZooModel, data: Dataset, context: BuildContext, *, streaming: bool) -> KerasModel:
    """The zoo's model, trained.

    Raises:
        InputError: labels of another kind than the model gives, such as one a text for a tagger, or a layer
            that cannot be streamed where that is asked for.
    """
    from edgeprune.conversion.streaming import streaming_file
    from edgeprune.data.check import check_targets
    from edgeprune.data.model_signature import signature_of
    from edgeprune_models.training import train

    if context.source.trained is not None:
        return context.source.load(context.source.trained)

    def trained() -> TrainedModel:
        with context.stage("train") as tell:
            model = entry.build_for(data, context.seed)
            if streaming:
                streaming_file(model, "none")
            if data.train.y is not None and entry.recipe.loss == "crossentropy":
                check_targets(data.train, "train", signature_of(model), data.tasks)
            return TrainedModel(train(model, data, entry.recipe, context.seed, progress=tell).model)

    return context.made("train", TrainedModel, trained).model


def _labelled(
    data: Dataset, model: KerasModel, predictions: Outputs, test: ModelInput, objective: TrainingObjective
) -> Dataset:
    """Data in which the original's own outputs stand for labels that are missing or that no metric reads."""
    labelled = [several(split.y, len(predictions)) for split in (data.validation, data.test)]
    missing = [
        task.kind == "original" or (task.kind != "random" and any(part[number] is None for part in labelled))
        for number, task in enumerate(data.tasks)
    ]
    if not any(missing):
        return dataclasses.replace(data, tasks=_with_parts(data.tasks, predictions))
    if all(y is None for part in labelled for y in part):
        said = "The data has no labels: accuracy is agreement with the original model."
        kinds = [one.kind for one in training_objective(model, predictions, None, 0.0).objectives]
    else:
        bare_tasks = [task for task, bare in zip(data.tasks, missing, strict=True) if bare]
        names = ", ".join(task.name or "the output" for task in bare_tasks)
        said = f"Agreement with the original model stands for a metric of {names}."
        kinds = [one.kind for one in objective.objectives]
    tasks = tuple(
        _standing_in(task, kind) if bare else task
        for task, kind, bare in zip(data.tasks, kinds, missing, strict=True)
    )
    validation, tested = (
        _completed(split, [
            _label(output, kind) if bare else None
            for output, kind, bare in zip(outputs, kinds, missing, strict=True)
        ])
        for split, outputs in ((data.validation, predictions), (data.test, predict(model, test)))
    )
    return dataclasses.replace(
        data.deciding(ReadingDecision("labels", said)), validation=validation, test=tested,
        tasks=_with_parts(tasks, predictions),
    )


def _completed(split: Split, standing: Sequence[np.ndarray | None]) -> Split:
    """A split in which the original's own outputs stand where there is an array of them.

    Training goes on with the labels that a loss reads, where there are some.
    """
    y = tuple(
        other if one is None else one
        for one, other in zip(several(split.y, len(standing)), standing, strict=True)
    )
    judged = tuple(
        one if other is None else other
        for one, other in zip(several(split.judged, len(standing)), standing, strict=True)
    )
    if len(standing) == 1:
        return dataclasses.replace(split, y=y[0], standing_in=judged[0])
    return dataclasses.replace(split, y=y, standing_in=judged)


def _standing_in(task: OutputTask, kind: str) -> OutputTask:
    """How agreement with the original's own outputs is measured."""
    if kind in ("categorical", "binary"):
        classes: TargetKind = "classes" if kind == "categorical" else "binary"
        return dataclasses.replace(task, kind=classes, metrics=("agreement",))
    return dataclasses.replace(task, kind="original", metrics=_VALUES)


def _with_parts(tasks: tuple[OutputTask, ...], predictions: Outputs) -> tuple[OutputTask, ...]:
    """Outputs of values with the groups of columns that are judged by themselves."""
    return tuple(
        dataclasses.replace(task, parts=parts_of_values(output))
        if task.kind in ("values", "original") else task
        for task, output in zip(tasks, predictions, strict=True)
    )


def _label(outputs: np.ndarray, kind: str) -> np.ndarray:
    if kind == "categorical":
        return np.asarray(outputs.argmax(-1), np.int64)
    if kind == "binary":
        return (outputs > 0.5).astype(np.int64).reshape(len(outputs), *outputs.shape[1:-1])
    return outputs


def _refuse_unread(data: Dataset, objective: TrainingObjective, predictions: Outputs) -> None:
    """Stops where training would leave labels out without a word.

    Raises:
        InputError: labels that stand beside no position of their output, and that no loss reads.
    """
    labels = several(data.validation.y, len(predictions))
    targets = objective.targets(predictions, labels)
    for task, y, output, target in zip(data.tasks, labels, predictions, targets, strict=True):
        if y is not None and not target.labelled and task.kind != "sequence":
            name = f" of the output '{task.name}'" if task.name else ""
            raise InputError(
                f"The labels{name} have the shape {y.shape}, the output has {output.shape}.",
                "One class number or one value is expected for each position of the output.",
                "Correct the labels' shape, or compile the model with the loss that reads them.",
            )


def _doubts(
    data: Dataset, predictions: Outputs, validation: HeldSamples, *, force: bool
) -> list[ReadingDecision]:
    """Stops before anything is trained where the original is fed wrongly, or was not trained on such data.

    Of several outputs one that is no better than a constant is named.

    Raises:
        InputError: no output does better than a constant answer.
    """
    inputs = None if isinstance(validation, tuple) else validation
    reasons, useless = useless_outputs(data.tasks, data.validation.judged, predictions, inputs)
    why = "; ".join(reasons)
    if useless and not force:
        raise InputError(
            f"The original model does no better on this data than a constant answer: {why} "
            f"({len(data.validation)} validation samples).",
            "A trained model and data like that it was trained on are expected.",
            "State its preprocessing with --preprocess, check labels and the order of classes (labels.txt, "
            "vocab.txt), or go on with --force.",
        )
    found = [f"The original model does no better here than a constant answer: {why}."] if reasons else []
    found += [
        f"The original model's {one}." for one in distant_pictures(data.tasks, data.validation.y, predictions)
    ]
    return list(decided("warning", found))


def _check_shapes(model: KerasModel, inputs: HeldSamples) -> None:
    """Refuses data that the model cannot take, before anything is done with it.

    Raises:
        InputError: another number of inputs, or a shape that does not fit.
    """
    from edgeprune.conversion.values import shapes_match

    wanted = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    found = [array.shape[1:] for array in parts_of(inputs)]
    if not shapes_match(wanted, found):
        raise InputError(
            f"The data has samples of shape {', '.join(map(str, found))}.",
            f"Model '{model.name}' takes {', '.join(map(str, wanted))}.",
            "Bring the samples into the model's shape.",
        )
