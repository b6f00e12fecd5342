"""What the zoo's table holds: one entry a model, with its recipe and data.

An entry is light: TensorFlow is imported by `build` when it is called, data by `load_data`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from edgeprune.data.dataset import Dataset


class Architecture(Protocol):
    """Builds an untrained tf_keras model."""

    def __call__(self, input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
        """Build it.

        Args:
            input_shape: one model input, after preprocessing, without the batch axis.
            classes: output units (tags for a tagger, words without blank for CTC; unused by an autoencoder).
            seed: of the initial weights.
            vocabulary: token numbers 0..vocabulary-1, for text; 0 is padding.
        """


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the baseline is trained: all settings that decide the result beside the seed.

    Attributes:
        loss: ``crossentropy`` (class numbers, softmax or one sigmoid unit; -1 is ignored),
            ``reconstruction`` (mean squared error to the input) or ``ctc``.
        optimizer: ``adamw`` with a cosine decay of the learning rate to zero.
        augmentation: names and options out of `edgeprune_models.augmentation`, drawn anew every epoch.
        label_smoothing: share of the target spread over all classes.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"
    loss: str = "crossentropy"
    label_smoothing: float = 0.0
    augmentation: tuple[Mapping[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        name: on the command line, and of the results' file ``results/<name>.json``.
        task: ``vision``, ``speech``, ``text`` or ``tabular``.
        load_data: the offline default data.
        licence: of the architecture's source; the data's is in its `Dataset`.
        fine_tuning: settings of a build (`edgeprune.recipe`) that suit it better than the defaults.
    """

    name: str
    task: str
    summary: str
    build: Architecture
    load_data: Callable[[], Dataset]
    recipe: Recipe
    licence: str = "Apache-2.0"
    fine_tuning: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def build_for(self, data: Dataset, seed: int) -> Any:
        """An untrained tf_keras model that fits `data`."""
        classes = len(data.labels) if data.labels else 0
        return self.build(data.input_shape(), classes, seed, data.vocabulary)
