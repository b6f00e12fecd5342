"""What the architectures share: the output units for a number of classes, and normalization."""

from __future__ import annotations

import dataclasses

from edgeprune.keras_types import KerasModule, KerasTensor

# Of batch normalization: Keras' 0.99 would still remember the initial statistics after the few hundred
# steps that these models train for, and the model would answer nonsense outside of training.
MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What data asks of an architecture.

    Attributes:
        classes: output units (tags for a tagger, words without blank for CTC; unused by an autoencoder).
        vocabulary: token numbers 0..vocabulary-1, for text; 0 is padding.
    """

    classes: int
    vocabulary: int = 0


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
