"""What the zoo's table holds: one entry a model, with its recipe and data; and what architectures share.

An entry is light: TensorFlow is imported by `build` when it is called, data by `load_data`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from edgeprune.data.dataset import Dataset
from edgeprune.keras_types import KerasModel, KerasModule, KerasTensor

# Of batch normalization: Keras' 0.99 would still remember the initial statistics after the few hundred
# steps that these models train for, and the model would answer nonsense outside of training.
MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What data asks of an architecture."""

    classes: int  # output units: tags for a tagger, words without blank for CTC; unused by an autoencoder
    vocabulary: int = 0  # token numbers 0..vocabulary-1, for text; 0 is padding


Architecture = Callable[[KerasModule, Any, Sizes], KerasTensor]
"""The network between inputs and output: `tf_keras.layers`, a batch (a tuple of them for several inputs),
sizes -> outputs."""
Shapes = tuple[int, ...] | tuple[tuple[int, ...], ...]
"""Of one input without the batch axis, or of each of several."""


@dataclasses.dataclass(frozen=True)
class TrainingRecipe:
    """How the baseline is trained: all settings that decide the result beside the seed.

    The loss is ``crossentropy`` (class numbers, softmax or one sigmoid unit; -1 is ignored),
    ``reconstruction`` (mean squared error to the input), ``ctc`` or ``boxes`` (`box_loss`).
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"  # with a cosine decay of the learning rate to zero
    loss: str = "crossentropy"
    label_smoothing: float = 0.0
    augmentation: tuple[Mapping[str, object], ...] = ()  # see `edgeprune_models.augmentation`


@dataclasses.dataclass(frozen=True)
class ZooModel:
    """One model of the zoo."""

    name: str
    task: str
    summary: str
    architecture: Architecture
    load_data: Callable[[], Dataset]  # the offline default data
    recipe: TrainingRecipe
    licence: str = "Apache-2.0"  # of the architecture's source; the data's is in its `Dataset`
    # Settings of a build (`edgeprune.recipe`) that suit it better than the defaults.
    fine_tuning: Mapping[str, object] = dataclasses.field(default_factory=dict)
    keras_name: str = ""  # of the Keras model, where it is not the entry's own
    input_names: tuple[str, ...] = ()

    def build(self, shapes: Shapes, classes: int, seed: int, vocabulary: int = 0) -> KerasModel:
        """An untrained tf_keras model for inputs of these shapes; the seed is that of the weights."""
        import tf_keras

        tf_keras.utils.set_random_seed(seed)
        dtype = "int32" if self.task in ("text", "translation") else None
        each = shapes if shapes and isinstance(shapes[0], tuple) else (shapes,)
        made = [
            tf_keras.layers.Input(shape, name=name, dtype=dtype)
            for shape, name in itertools.zip_longest(each, self.input_names)
        ]
        inputs = tuple(made) if len(made) > 1 else made[0]
        outputs = self.architecture(tf_keras.layers, inputs, Sizes(classes, vocabulary))
        return tf_keras.Model(inputs, outputs, name=self.keras_name or self.name.replace("-", "_"))

    def build_for(self, data: Dataset, seed: int) -> KerasModel:
        """An untrained tf_keras model that fits `data`."""
        return self.build(data.input_shapes(), len(data.labels or ()), seed, data.vocabulary)


def classifier(layers: KerasModule, x: KerasTensor, classes: int) -> KerasTensor:
    """Softmax over `classes`, or one sigmoid unit for two of them."""
    if classes == 2:
        return layers.Dense(1, activation="sigmoid", name="output")(x)
    return layers.Dense(classes, activation="softmax", name="output")(x)


def normalized(layers: KerasModule, x: KerasTensor, maximum: float | None = None) -> KerasTensor:
    """Batch normalization, then a ReLU that ends at `maximum`."""
    return layers.ReLU(maximum)(layers.BatchNormalization(momentum=MOMENTUM)(x))


def as_image(layers: KerasModule, x: KerasTensor) -> KerasTensor:
    """Features (frames, bands) as an image of one channel; images stay as they are."""
    return layers.Reshape((*x.shape[1:], 1))(x) if len(x.shape) == 3 else x
