"""What one stage of a build hands to the next.

    Baseline -> PrunedModel -> TunedModel -> DeployedModel -> Measurements -> Bundle

The dependency graph is part of what is read of the baseline; importance scores and the plan live in
`edgeprune.pruning`, which makes a `PrunedModel` of them. What is written to disk (see
`edgeprune.pipeline.store`) refers to nothing outside of itself.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.budget.explain import Explanation
from edgeprune.conversion.options import Quantized
from edgeprune.conversion.parity import Parity
from edgeprune.conversion.values import Converted
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import HeldSamples, ModelInput, parts_of, unless_streamed
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.keras_bridge.network import KerasNetwork
from edgeprune.keras_types import KerasModel
from edgeprune.preprocessing import Step
from edgeprune.pruning.result import PruneReport
from edgeprune.report.schema import RatioReport, VocabularyReport
from edgeprune.run_record import RunRecord
from edgeprune.training.checkpoint import Epoch
from edgeprune.training.fine_tune import EpochData
from edgeprune.training.objective import TrainingObjective
from edgeprune.training.prediction import predict

if TYPE_CHECKING:
    from edgeprune_models import ZooModel

Outputs = tuple[np.ndarray, ...]
"""A model's outputs for some samples, (N, …) each."""


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A model of the zoo, trained."""

    model: KerasModel


@dataclasses.dataclass(frozen=True)
class PrunedModel:
    """A smaller model, reconstructed, not trained.

    Attributes:
        keep: for each channel of the original's dependency graph, whether it stays.
        report: what was done.
    """

    model: KerasModel
    keep: np.ndarray
    report: PruneReport


@dataclasses.dataclass(frozen=True)
class ModelInBudget:
    """The model that keeps most inside a budget, before it is trained.

    Attributes:
        explanation: why it is what it is.
        baseline: the original's `.tflite`, which latencies are measured beside.
    """

    pruned: PrunedModel
    explanation: Explanation
    baseline: bytes


@dataclasses.dataclass(frozen=True)
class TunedModel:
    """The float model to quantize, and how it came about.

    Attributes:
        keep: for each channel of the original's dependency graph, whether it stays.
        report: what pruning did.
        curve: of fine-tuning.
        trials: of the search for the largest share.
        explanation: of widths that a budget has found.
    """

    model: KerasModel
    keep: np.ndarray
    report: PruneReport
    curve: tuple[Epoch, ...] = ()
    trials: tuple[RatioReport, ...] = ()
    explanation: Explanation | None = None


@dataclasses.dataclass(frozen=True)
class DeployedModel:
    """The three models as `.tflite`, and what they give on the test split.

    Attributes:
        quantized: the float model that the file matches, and all that was tried.
        files: ``baseline`` and ``pruned`` in float, and ``deployed``.
        outputs: of the same three on the test split.
        thresholds: of the same three, chosen on the validation split, where outputs are anomaly scores.
        parity: deployed against its float model, on the test split.
        preprocessing: what is left to do outside of the deployed file.
        streaming: the file that takes one step a call, if that was asked for.
    """

    quantized: Quantized
    files: Mapping[str, Converted]
    outputs: Mapping[str, Outputs]
    thresholds: Mapping[str, float]
    parity: Parity
    preprocessing: Sequence[Step]
    streaming: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Measurements:
    """What the device said of the three files of a `DeployedModel`, by their names."""

    records: Mapping[str, RunRecord]


@dataclasses.dataclass(frozen=True, eq=False)
class Baseline:
    """The original, trained, with the data that it was checked against.

    Attributes:
        entry: the zoo's, where the model is the zoo's, else None.
        network: the model as it was read, once.
        dependencies: which of its channels must go together.
        calibration: model inputs that drive reconstruction and quantization, from training data.
        validation: model inputs that drive every decision.
        test: model inputs that are only reported on.
        predictions: the model's outputs on validation data.
        objective: what training aims at.
        uncut: the baseline with its whole vocabulary, where tokens have left it.
        vocabulary: how many have.
    """

    entry: ZooModel | None
    model: KerasModel
    network: KerasNetwork
    dependencies: DependencyGraph
    data: Dataset
    calibration: HeldSamples
    validation: HeldSamples
    test: ModelInput
    predictions: Outputs
    objective: TrainingObjective
    uncut: Baseline | None = None
    vocabulary: VocabularyReport | None = None

    @property
    def original(self) -> Baseline:
        """What the result is compared with: the model as it was given, with its whole vocabulary."""
        return self.uncut or self

    @property
    def classes(self) -> bool:
        """Whether the first output says classes."""
        return self.objective.objectives[0].kind in ("categorical", "binary")

    def epochs(self, number: int, seed: int) -> Iterator[EpochData]:
        """Model inputs, labels and weights of each epoch, augmented as the zoo's recipe says."""
        if self.entry is not None:
            from edgeprune_models.training import augmented_epochs

            recipe = dataclasses.replace(self.entry.recipe, epochs=number)
            yield from ((x, y, None) for x, y in augmented_epochs(self.data, recipe, seed))
            return
        inputs = self.data.model_input(self.data.train.x)
        for _ in range(number):
            yield inputs, self.data.train.y, self.data.train.weights

    def score(self, model: KerasModel) -> float:
        """How well a model meets the objective on validation data; higher is better.

        The loss, not the metric: a few hundred samples tell models apart by it long before one of
        them gets a sample more right.
        """
        return self.score_of(predict(model, self.validation))

    def score_of(self, outputs: Outputs) -> float:
        """The score of outputs for the validation data.

        The loss of boxes and masks may grow with a model's certainty while they still get better, and their
        metric tells models apart on a few hundred pictures, each of many pixels or some boxes. So that metric
        counts, and so does one of the user's own.
        """
        validation = self.data.validation
        by_metric = any(task.kind == "boxes" or task.metrics[:1] == ("mean_iou",) for task in self.data.tasks)
        if self.data.own_metric is not None or by_metric:
            return min(self.scores(validation, outputs, self.validation).values())
        targets = self.objective.targets(self.predictions, validation.y, validation.weights)
        return -self.objective.value(targets, outputs)

    def metrics(
        self, split: Split, outputs: Outputs, inputs: ModelInput, threshold: float | None = None
    ) -> dict[str, float]:
        """All metrics of all outputs that have labels, on a split."""
        from edgeprune.tasks import figures

        own = self.data.own_metric
        mine = {} if own is None else own.figures(split.compared(self.data.tasks), outputs)
        found = figures(self.data.tasks, split.judged, outputs, first_input(inputs), threshold)
        return {**{name: value for name, value in mine.items() if math.isfinite(value)}, **found}

    def scores(self, split: Split, outputs: Outputs, inputs: ModelInput) -> dict[str, float]:
        """A score for each part that is judged by itself, as a fraction; see `edgeprune.tasks.scores`."""
        from edgeprune.tasks import scores

        own = self.data.own_metric
        if own is not None:
            return {own.primary: own.score(own.figures(split.compared(self.data.tasks), outputs))}
        return scores(self.data.tasks, split.judged, outputs, first_input(inputs))

    def primary_metric(self, split: Split, outputs: Outputs, inputs: ModelInput) -> float:
        """The first output's own metric as a fraction, so that higher is better."""
        return next(iter(self.scores(split, outputs, inputs).values()))

    def validation_metric(self, model: KerasModel) -> float:
        """The primary metric of a model on validation data."""
        return self.primary_metric(self.data.validation, predict(model, self.validation), self.validation)

    def threshold(self, outputs: Outputs) -> float | None:
        """Above which score a sample is an anomaly, by a model's outputs on validation data.

        None for a model that is not judged by scores.
        """
        from edgeprune.metrics import anomaly
        from edgeprune.metrics.evaluation import Evaluation

        y = self.data.validation.labels
        if y is None or self.data.tasks[0].kind != "anomaly":
            return None
        (seen, *_) = parts_of(self.validation)
        return anomaly.choose_threshold(y, anomaly.scores(Evaluation(y, outputs[0], None, np.asarray(seen))))


def first_input(inputs: ModelInput) -> np.ndarray | None:
    """The only input, which an autoencoder is judged by; None where it is read on demand."""
    found = unless_streamed(inputs)
    return None if isinstance(found, tuple) else found
