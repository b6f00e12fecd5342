"""What every data source hands over: raw samples in three splits, and the steps to the model's input.

Validation drives every decision and the calibration (with training data); test is only reported.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune import preprocessing
from edgeprune.data.decisions import ReadingDecision
from edgeprune.data.streamed import (
    Array,
    Mapped,
    ModelInput,
    Samples,
    Streamed,
    in_memory,
    is_streamed,
    parts_of,
    pick,
)
from edgeprune.preprocessing import Step
from edgeprune.tasks import OwnMetric, Targets, metric_names, several
from edgeprune.types import OutputTask, StreamInfo


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Raw samples and what is right for them.

    Attributes:
        x: (N, ...) as stored: uint8 pixels, int16 PCM, str (object or unicode) texts, floats; a
            tuple of arrays for several inputs. `Streamed` where they do not fit into memory.
        y: labels as `edgeprune.data.targets` keeps them: (N,) int64 class numbers, values of the output's
            shape, …; a tuple with one entry for each output where the model has several, None for an output
            without labels; None where a sample is its own target or labels are missing.
        weights: float32, what each sample (N,) or each of its positions (N, …) counts in training; a tuple
            with one entry for each output where they differ; None: all the same.
        standing_in: what the split is judged by instead of `y`, where no metric can read what a loss reads.
    """

    x: Samples
    y: np.ndarray | Targets | None = None
    weights: np.ndarray | Targets | None = None
    standing_in: np.ndarray | Targets | None = None

    @property
    def judged(self) -> np.ndarray | Targets | None:
        """Labels that metrics read."""
        return self.y if self.standing_in is None else self.standing_in

    def compared(self, tasks: Sequence[OutputTask]) -> np.ndarray | Targets | None:
        """Labels that a metric of the user's own reads: those that count, also where no other metric can."""
        given, judged = several(self.y, len(tasks)), several(self.judged, len(tasks))
        kept = tuple(
            own if task.kind == "original" else one
            for task, own, one in zip(tasks, given, judged, strict=True)
        )
        return kept if len(kept) > 1 else kept[0]

    @property
    def labels(self) -> np.ndarray | None:
        """Labels of the first output."""
        return self.y[0] if isinstance(self.y, tuple) else self.y

    def __len__(self) -> int:
        return len(self.x[0] if isinstance(self.x, tuple) else self.x)

    def take(self, rows: np.ndarray | slice) -> Split:
        """The samples `rows`, in that order; streamed ones are not read."""
        x = tuple(pick(part, rows) for part in self.x) if isinstance(self.x, tuple) else pick(self.x, rows)
        return Split(x, _rows(self.y, rows), _rows(self.weights, rows), _rows(self.standing_in, rows))

    def held(self) -> Split:
        """The same samples, read into memory."""
        return dataclasses.replace(self, x=in_memory(self.x))


def _rows(y: np.ndarray | Targets | None, rows: np.ndarray | slice) -> np.ndarray | Targets | None:
    if isinstance(y, tuple):
        return tuple(None if one is None else one[rows] for one in y)
    return None if y is None else y[rows]


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits and all that is known of them."""

    task: str
    train: Split
    validation: Split
    test: Split
    preprocessing: tuple[Step, ...] = ()
    labels: tuple[str, ...] | None = None  # class (or tag) names in order of their numbers
    name: str = ""
    tasks: tuple[OutputTask, ...] = (OutputTask("classes", ("accuracy",)),)  # of each output of the model
    # Texts that the steps name, such as ``vocab.txt``; they go into the bundle.
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    vocabulary: int = 0  # how many token numbers there are; 0 for anything but text
    stream: StreamInfo | None = None
    noise: tuple[np.ndarray, ...] = ()  # recordings (S,) int16, mixed into training clips
    source: str = ""
    licence: str = ""
    synthetic: bool = False  # made by a program, not recorded or written by people; every output tells it
    decisions: tuple[ReadingDecision, ...] = ()  # about the data, for people to check
    own_metric: OwnMetric | None = None  # decides in place of the tasks' metrics
    sorted_names: bool = False  # nobody stated the order of `labels`: it is the alphabet's

    @property
    def notes(self) -> tuple[str, ...]:
        """The decisions, a sentence each."""
        return tuple(one.sentence for one in self.decisions)

    def deciding(self, *decisions: ReadingDecision) -> Dataset:
        """The same data with further decisions."""
        return dataclasses.replace(self, decisions=(*self.decisions, *decisions))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all figures, the primary one leading."""
        own = () if self.own_metric is None else self.own_metric.names
        return (*own, *metric_names(self.tasks))

    def model_input(self, x: Samples) -> ModelInput:
        """Raw samples to the model's input; streamed ones are read and preprocessed batch by batch."""
        if not is_streamed(x):
            return preprocessing.apply(self.preprocessing, in_memory(x), self.files)
        if not isinstance(x, tuple):
            return self._one_input(x, 0)
        return tuple(self._one_input(part, number) for number, part in enumerate(x))

    def _one_input(self, x: Array, number: int) -> Array:
        """Model input `number`: its own steps and those of every input."""
        own = [step for step in self.preprocessing if step.get("input", number) == number]
        steps = [{key: value for key, value in step.items() if key != "input"} for step in own]
        function = functools.partial(preprocessing.apply, steps, folder=self.files)
        return Mapped(x, function) if isinstance(x, Streamed) else function(x)

    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the model's inputs without the batch axis, seen by preprocessing one sample."""
        one = self.model_input(self.train.take(slice(0, 1)).x)
        return tuple(tuple(map(int, part.shape[1:])) for part in parts_of(one))

    def input_shape(self) -> tuple[int, ...]:
        """Shape of the model's first input."""
        return self.input_shapes()[0]
