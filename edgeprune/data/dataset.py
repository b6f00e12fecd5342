"""What every data source hands over: raw samples in three splits, and the steps to the model's input.

Validation drives every decision and the calibration (with training data); test is only reported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeprune import preprocessing
from edgeprune.types import StreamInfo

Samples = np.ndarray | tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Raw samples and what is right for them.

    Attributes:
        x: (N, ...) as stored: uint8 pixels, int16 PCM, str (object or unicode) texts, floats; a
            tuple of arrays for several inputs.
        y: (N,) class numbers; (N, T) one per token or, for CTC, a label sequence, -1 where there is
            none; None where a sample is its own target (autoencoder) or labels are missing.
    """

    x: Samples
    y: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x[0] if isinstance(self.x, tuple) else self.x)

    def take(self, rows: np.ndarray | slice) -> Split:
        """The samples `rows`, in that order."""
        x = tuple(part[rows] for part in self.x) if isinstance(self.x, tuple) else self.x[rows]
        return Split(x, None if self.y is None else self.y[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits and all that is known of them.

    Attributes:
        preprocessing: raw sample to model input; see `edgeprune.preprocessing`.
        labels: class (or tag) names in order of their numbers.
        metrics: names from `edgeprune.metrics`, the task's own first.
        files: texts that the steps name, such as ``vocab.txt``, by file name; they go into the bundle.
        vocabulary: how many token numbers there are; 0 for anything but text.
        stream: how a stream of samples is cut into model inputs, for audio.
        source: where the data is from.
        licence: its terms, or that none are stated.
        synthetic: made by a program, not recorded or written by people; said in every output.
    """

    task: str
    train: Split
    validation: Split
    test: Split
    preprocessing: tuple[Mapping[str, Any], ...] = ()
    labels: tuple[str, ...] | None = None
    name: str = ""
    metrics: tuple[str, ...] = ("accuracy",)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    vocabulary: int = 0
    stream: StreamInfo | None = None
    source: str = ""
    licence: str = ""
    synthetic: bool = False

    def model_input(self, x: Samples) -> Any:
        """Raw samples to the model's input (an array, or a tuple for several inputs)."""
        return preprocessing.apply(self.preprocessing, x, self.files)

    def input_shape(self) -> tuple[int, ...]:
        """Shape of one model input without the batch axis, seen by preprocessing one sample."""
        one = self.model_input(self.train.take(slice(0, 1)).x)
        return tuple(int(size) for size in (one[0] if isinstance(one, tuple) else one).shape[1:])
