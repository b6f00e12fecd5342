"""Channels are masked by tfmot's schedule; what is left without them is the same network."""

import numpy as np
import pytest

from edgeprune.keras_bridge.network import network_of
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.result import PrunePlan
from edgeprune.training.gradual_masking import mask_gradually, mask_schedule


@pytest.fixture(scope="module")
def residual():
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    inputs = layers.Input((8, 8, 2))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    y = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.Add()([x, y]))
    x = layers.Dense(10, activation="relu")(x)
    return tf_keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def plan(model):
    dependencies = find_dependencies(read(model).graph)
    keep = np.ones(dependencies.count, bool)
    for group in dependencies.groups:
        keep[group.channels[::2]] = False
    return dependencies, keep


def test_the_least_read_channels_are_masked_first(residual):
    dependencies, keep = plan(residual)
    removed_at = mask_schedule(dependencies, keep)
    np.testing.assert_array_equal(np.isfinite(removed_at), ~keep)
    dense = next(group for group in dependencies.groups if group.producers == (residual.layers[-2].name,))
    rows = np.square(residual.layers[-1].get_weights()[0]).sum(1)
    gone = np.flatnonzero(~keep[dense.channels])
    order = gone[np.argsort(removed_at[dense.channels[gone]])]
    np.testing.assert_array_equal(order, gone[np.argsort(rows[gone])])


def test_masks_follow_the_schedule_and_strip_exactly(residual):
    import tf_keras

    dependencies, keep = plan(residual)
    generator = np.random.default_rng(1)
    x = generator.normal(size=(64, 8, 8, 2)).astype(np.float32)
    y = generator.integers(0, 3, 64)
    before = [array.copy() for array in residual.get_weights()]
    alive = []

    def train(wrapped, callbacks):
        last = next(layer for layer in wrapped.layers[::-1] if hasattr(layer, "pruning_vars"))

        class Watch(tf_keras.callbacks.Callback):
            def on_train_batch_end(self, *_):
                mask = last.pruning_vars[0][1]
                alive.append(int(mask.numpy().any(1).sum()))

        wrapped.compile("adam", "sparse_categorical_crossentropy")
        wrapped.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[*callbacks, Watch()])

    masked = mask_gradually(residual, dependencies, keep, 16, train)
    assert alive[0] > alive[-1] == 5
    assert alive == sorted(alive, reverse=True)
    assert len(set(alive)) > 2
    stripped = network_of(masked).compacted(PrunePlan(dependencies, keep)).model
    wanted = masked.predict(x, verbose=0)
    np.testing.assert_allclose(stripped.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    assert not np.allclose(wanted, residual.predict(x, verbose=0), atol=1e-3)
    for was, now in zip(before, residual.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
