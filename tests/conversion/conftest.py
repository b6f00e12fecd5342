"""Weights that a test leaves to Keras are the same in every run."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Python's, numpy's and TensorFlow's generators: both Kerases draw from them."""
    from edgeprune.keras_bridge import keras_version  # sets the environment before TensorFlow is imported

    del keras_version
    import tf_keras

    tf_keras.utils.set_random_seed(0)
