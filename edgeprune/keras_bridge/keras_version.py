"""Keras 2 (tf_keras) and Keras 3 side by side in one process."""

from __future__ import annotations

import os

from edgeprune.keras_types import KerasLayer, KerasModel, KerasModule

# Read by tensorflow and tfmot when they are first imported: tf.keras then is tf_keras.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# TensorFlow 2.21's oneDNN kernels corrupt the heap in the training of some separable convolutions (a
# plain `fit` of a published mini-Xception dies in malloc); without them it takes a tenth more time.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def is_keras3(layer_or_model: KerasLayer | KerasModel) -> bool:
    """Whether an object is of Keras 3 and not of Keras 2 (tf_keras)."""
    return any(cls.__module__.split(".")[0] == "keras" for cls in type(layer_or_model).__mro__)


def keras_of(model: KerasModel) -> KerasModule:
    """The Keras package a model belongs to."""
    if is_keras3(model):
        import keras

        return keras
    import tf_keras

    return tf_keras
