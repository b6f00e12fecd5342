"""What the zoo's table holds: one entry a model, with its recipe and data.

An entry is light: TensorFlow is imported by `build` when it is called, data by `load_data`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from edgeprune.data.dataset import Dataset
from edgeprune.keras_types import KerasModel, KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes

Architecture = Callable[[KerasModule, KerasTensor, Sizes], KerasTensor]
"""The network between input and output: `tf_keras.layers`, a batch of inputs, sizes -> outputs."""


@dataclasses.dataclass(frozen=True)
class TrainingRecipe:
    """How the baseline is trained: all settings that decide the result beside the seed.

    Attributes:
        loss: ``crossentropy`` (class numbers, softmax or one sigmoid unit; -1 is ignored),
            ``reconstruction`` (mean squared error to the input) or ``ctc``.
        optimizer: ``adamw`` with a cosine decay of the learning rate to zero.
        augmentation: names and options out of `edgeprune_models.augmentation`, drawn anew every epoch.
        label_smoothing: part of the target spread over all classes.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"
    loss: str = "crossentropy"
    label_smoothing: float = 0.0
    augmentation: tuple[Mapping[str, object], ...] = ()


@dataclasses.dataclass(frozen=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        name: on the command line, and of the results' file ``results/<name>.json``.
        task: ``vision``, ``speech``, ``text`` or ``tabular``.
        load_data: the offline default data.
        licence: of the architecture's source; the data's is in its `Dataset`.
        fine_tuning: settings of a build (`edgeprune.recipe`) that suit it better than the defaults.
        keras_name: of the Keras model, where it is not the entry's own.
        input_name: of the Keras input; Keras names it where there is none.
    """

    name: str
    task: str
    summary: str
    architecture: Architecture
    load_data: Callable[[], Dataset]
    recipe: TrainingRecipe
    licence: str = "Apache-2.0"
    fine_tuning: Mapping[str, object] = dataclasses.field(default_factory=dict)
    keras_name: str = ""
    input_name: str | None = None

    def build(self, input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> KerasModel:
        """An untrained tf_keras model for inputs (N, *input_shape); the seed is that of the weights."""
        import tf_keras

        tf_keras.utils.set_random_seed(seed)
        dtype = "int32" if self.task == "text" else None
        inputs = tf_keras.layers.Input(input_shape, name=self.input_name, dtype=dtype)
        outputs = self.architecture(tf_keras.layers, inputs, Sizes(classes, vocabulary))
        return tf_keras.Model(inputs, outputs, name=self.keras_name or self.name.replace("-", "_"))

    def build_for(self, data: Dataset, seed: int) -> KerasModel:
        """An untrained tf_keras model that fits `data`."""
        return self.build(data.input_shape(), len(data.labels or ()), seed, data.vocabulary)
