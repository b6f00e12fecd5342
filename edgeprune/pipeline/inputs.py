"""Model and data, checked against each other before anything is trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.data.streamed import in_memory, is_streamed
from edgeprune.errors import InputError
from edgeprune.pipeline.zoo import entry_of, is_zoo
from edgeprune.training.objective import training_objective
from edgeprune.training.prediction import predict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.data.dataset import Dataset, Split
    from edgeprune.pipeline.job import Job
    from edgeprune.training.objective import TrainingObjective
from edgeprune.training.prediction import Predictions

_VALUES = ("r2", "mean_absolute_error")
_VALIDATION = 4096
"""Samples that drive decisions, at most, where data does not fit into memory."""


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """What the stages work on.

    Attributes:
        zoo: the zoo's entry where the model is the zoo's, else None.
        model: the baseline, trained.
        calibration: model inputs that drive reconstruction and quantization, from training data.
        validation: model inputs that drive every decision.
        test: model inputs that are only reported on.
        answers: the model's outputs on validation data.
        objective: what training aims at.
    """

    zoo: Any
    model: Any
    data: Dataset
    calibration: Any
    validation: Any
    test: Any
    answers: Predictions
    objective: TrainingObjective

    @property
    def classes(self) -> bool:
        """Whether the first output says classes."""
        return self.objective.objectives[0].kind in ("categorical", "binary")

    def epochs(self, number: int, seed: int) -> Iterator[tuple[Any, np.ndarray | None]]:
        """Model inputs and labels of each epoch, augmented as the zoo's recipe says."""
        if self.zoo is not None:
            from edgeprune_models.training import augmented_epochs

            yield from augmented_epochs(self.data, dataclasses.replace(self.zoo.recipe, epochs=number), seed)
            return
        inputs = self.data.model_input(self.data.train.x)
        for _ in range(number):
            yield inputs, self.data.train.y

    def score(self, model: Any) -> float:
        """How well a model meets the objective on validation data; higher is better.

        The loss, not the metric: a few hundred samples tell models apart by it long before one of
        them gets a sample more right.
        """
        targets = self.objective.targets(self.answers, self.data.validation.y)
        return -self.objective.value(targets, predict(model, self.validation))

    def metrics(
        self, split: Split, outputs: Any, inputs: Any, threshold: float | None = None
    ) -> dict[str, float]:
        """All metrics of the task for the first output on a split."""
        from edgeprune.metrics import evaluate

        first = outputs[0] if isinstance(outputs, tuple) else outputs
        # Only an autoencoder is judged by its inputs.
        seen = None if is_streamed(inputs) else inputs
        return evaluate(
            self.data.metrics, split.y, first, labels=self.data.labels, inputs=seen, threshold=threshold
        )

    def threshold(self, outputs: Any) -> float | None:
        """Above which score a sample is an anomaly, by a model's outputs on validation data.

        None for a model that is not judged by scores.
        """
        from edgeprune.metrics import anomaly
        from edgeprune.metrics.evaluation import Evaluation

        y = self.data.validation.y
        if y is None or not set(anomaly.NAMES) & set(self.data.metrics):
            return None
        seen = self.validation[0] if isinstance(self.validation, tuple) else self.validation
        return anomaly.choose_threshold(y, anomaly.scores(Evaluation(y, outputs[0], None, seen)))

    def worth(self, split: Split, outputs: Any, inputs: Any) -> float:
        """The task's own metric as a fraction, so that higher is better."""
        from edgeprune.metrics import METRICS

        name, value = next(iter(self.metrics(split, outputs, inputs).items()))
        return value if METRICS[name].higher_is_better else 1.0 - value


def open_inputs(job: Job) -> Inputs:
    """Loads the model first, so that what is wrong with it is said at once; then the data.

    Raises:
        InputError: model or data cannot be read, or do not belong together.
    """
    from edgeprune.data.calibration import choose

    recipe = job.recipe
    model = job.source.model
    zoo = entry_of(model, recipe.task) if is_zoo(model) else None
    if zoo is None and isinstance(model, (str, Path)):
        model = job.load(Path(model))
    if zoo is None:
        model = _whole(job, model)
    data = _data(job, zoo, model)
    if zoo is not None:
        _check_task(zoo, data)
        model = _trained(job, zoo, data)
    else:
        data = _as_wanted(job, data, model)
    calibration = in_memory(data.model_input(choose(data.train, recipe.calibration, recipe.seed).x))
    if is_streamed(data.validation.x):
        data = dataclasses.replace(data, validation=choose(data.validation, _VALIDATION, recipe.seed))
    validation, test = in_memory(data.model_input(data.validation.x)), data.model_input(data.test.x)
    answers = predict(model, validation)
    data = _labelled(job, data, model, answers, test)
    objective = training_objective(
        model, answers, data.validation.y, recipe.distill, balanced=recipe.class_weights == "balanced"
    )
    if zoo is None:
        job.notes.append(f"Trained on {objective.objectives[0].origin}.")
    return Inputs(zoo, model, data, calibration, validation, test, answers, objective)


def _whole(job: Job, model: Any) -> Any:
    """The model in float32, where it was trained in mixed precision."""
    from edgeprune.keras_bridge.float32 import model_in_float32

    whole = model_in_float32(model)
    if whole is not model:
        job.notes.append("The model was trained in mixed precision; it was brought to float32.")
    return whole


def _data(job: Job, zoo: Any, model: Any) -> Dataset:
    source = job.source.data
    if isinstance(source, (str, Path)):
        from edgeprune.data.model_signature import signature_of
        from edgeprune.data.sources import open_data

        signature = None if zoo is not None else signature_of(model)
        return open_data(source, task=_task(job), seed=job.recipe.seed, signature=signature)
    if source is not None:
        return source
    if zoo is None:
        raise InputError(
            "A model was given without data.",
            "Pruning needs samples to decide by and to measure on.",
            "Pass --data samples.npz (x_train, y_train, x_test, y_test), or leave the model out to try "
            "edgeprune on the zoo's.",
        )
    found: Dataset = zoo.load_data()
    return found


def _check_task(zoo: Any, data: Dataset) -> None:
    if data.task != zoo.task:
        raise InputError(
            f"{data.source or 'The data'} holds samples of the task {data.task}.",
            f"The zoo's {zoo.name} is for {zoo.task}.",
            "Name another model (edgeprune zoo lists them), or --task where none is named.",
        )


def _task(job: Job) -> str | None:
    """The task that was asked for; the default one says nothing about a user's data."""
    default = {field.name: field.default for field in dataclasses.fields(job.recipe)}["task"]
    return None if job.recipe.task == default else job.recipe.task


def _as_wanted(job: Job, data: Dataset, model: Any) -> Dataset:
    """The data in the model's own scaling, which the labels tell.

    Raises:
        InputError: another number of inputs, or a shape that does not fit.
    """
    from edgeprune.data.scaling import choose_scaling

    _check_shapes(model, in_memory(data.model_input(data.train.take(slice(0, 2)).x)))
    data = choose_scaling(data, lambda inputs: predict(model, inputs)[0], job.recipe.seed)
    job.notes.extend(data.notes)
    return data


def _trained(job: Job, zoo: Any, data: Dataset) -> Any:
    """The zoo's model, trained: the baseline.

    Raises:
        InputError: labels of another kind than the model gives, such as one a text for a tagger.
    """
    from edgeprune.data.check import check_labels
    from edgeprune.data.model_signature import signature_of
    from edgeprune_models.training import train

    if job.source.trained is not None:
        return job.load(job.source.trained)

    def make() -> Any:
        model = zoo.build_for(data, job.recipe.seed)
        if data.train.y is not None and zoo.recipe.loss == "crossentropy":
            check_labels(data.train.y, "train", signature_of(model))
        return train(model, data, zoo.recipe, job.recipe.seed, progress=tell).model

    with job.clock("train") as tell:
        return job.model_once("train", make)


def _labelled(job: Job, data: Dataset, model: Any, answers: Predictions, test: Any) -> Dataset:
    """Data whose metrics fit it. Without labels, the original's answers stand in, and it is said."""
    if data.test.y is not None and data.validation.y is not None:
        return data
    kind = training_objective(model, answers, None, 0.0).objectives[0].kind
    job.notes.append("The data has no labels: accuracy is agreement with the original model.")
    standing = [_answer(found[0], kind) for found in (answers, predict(model, test))]
    validation, tested = (
        dataclasses.replace(split, y=y)
        for split, y in zip((data.validation, data.test), standing, strict=True)
    )
    metrics = ("agreement",) if kind in ("categorical", "binary") else _VALUES
    return dataclasses.replace(data, validation=validation, test=tested, metrics=metrics)


def _answer(outputs: np.ndarray, kind: str) -> np.ndarray:
    if kind == "categorical":
        return np.asarray(outputs.argmax(-1), np.int64)
    if kind == "binary":
        return (outputs > 0.5).astype(np.int64).reshape(len(outputs), *outputs.shape[1:-1])
    return outputs


def _check_shapes(model: Any, inputs: Any) -> None:
    """Refuses data that the model cannot take, before anything is done with it.

    Raises:
        InputError: another number of inputs, or a shape that does not fit.
    """
    from edgeprune.conversion.values import shapes_match

    arrays = inputs if isinstance(inputs, tuple) else (inputs,)
    wanted = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    found = [array.shape[1:] for array in arrays]
    if not shapes_match(wanted, found):
        raise InputError(
            f"The data has samples of shape {', '.join(map(str, found))}.",
            f"Model '{model.name}' takes {', '.join(map(str, wanted))}.",
            "Bring the samples into the model's shape.",
        )
