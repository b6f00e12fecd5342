"""A model, data and a sweep whose real builds take seconds, and whose figures are the same each time.

Objectives are accuracy and size: latency is noise, so that two runs of one sweep need not have the same
front by it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from edgeprune.sweep import Space, Sweep
from edgeprune.sweep.trial import Assignment, Message, run_here
from tests.pipeline.test_build import stripes

SPACE = Space(
    {
        "prune": (0.5, 0.8, 0.88, 0.92),
        "criterion": ("reconstruction", "l2"),
        "quantize": ("int8", "dynamic", "none"),
    }
)
FIXED = {
    "epochs": 0, "gradual_epochs": 0, "schedule": "one-shot", "calibration": 64, "eval_samples": 20,
    "round_to": 1, "min_width": 1, "max_quantization_drop": 100.0,
}


def make(folder: Path) -> Sweep:
    """Files of a small trained model and its data, and a sweep of 24 builds of them."""
    from edgeprune.keras_bridge import keras_version  # sets the environment before TensorFlow is imported

    del keras_version
    import tf_keras

    train, test = stripes(480, 0), stripes(160, 2)
    noise = np.random.default_rng(5)
    scaled = [
        np.clip(part.x + noise.normal(0, 160, part.x.shape), 0, 255).astype(np.float32) / 255
        for part in (train, test)
    ]
    np.savez(folder / "mine.npz", x_train=scaled[0], y_train=train.y, x_test=scaled[1], y_test=test.y)
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    network = tf_keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(12, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dense(24, activation="relu"),
        layers.Dense(4, activation="softmax"),
    ], name="stripes")  # fmt: skip
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(scaled[0], train.y, epochs=8, batch_size=32, verbose=0)
    network.save(folder / "mine.keras")
    return Sweep(
        str(folder / "mine.keras"), str(folder / "mine.npz"), SPACE, FIXED, ("accuracy", "size"),
        stop_early=False,
    )  # fmt: skip


def in_this_process(assignment: Assignment) -> Generator[Message, None, None]:
    """A job that builds without a process of its own."""
    yield Message(outcome=run_here(assignment, lambda _stage, _done: None))
