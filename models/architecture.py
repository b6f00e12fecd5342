"""What the architectures share: seeded initial weights, and the output unit(s) for a number of classes."""

from __future__ import annotations

from typing import Any

# Of batch normalization: Keras' 0.99 would still remember the initial statistics after the few hundred
# steps that these models train for, and the model would answer nonsense outside of training.
MOMENTUM = 0.9


def keras(seed: int) -> Any:
    """tf_keras with its random generators seeded, so that the next model starts from the same weights."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    return tf_keras


def classifier(layers: Any, x: Any, classes: int) -> Any:
    """Softmax over `classes`, or one sigmoid unit for two of them."""
    if classes == 2:
        return layers.Dense(1, activation="sigmoid", name="output")(x)
    return layers.Dense(classes, activation="softmax", name="output")(x)


def as_image(layers: Any, x: Any) -> Any:
    """Features (frames, bands) as an image of one channel; images stay as they are."""
    return layers.Reshape((*x.shape[1:], 1))(x) if len(x.shape) == 3 else x
