"""Weight pruning zeroes the ratio that was asked for, and keeps the statistics of adapted layers."""

import numpy as np
import pytest

from edgeprune.training import FineTuning, predict, training_objective
from edgeprune.training.magnitude import prune_weights, zero_ratio


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_kernels_lose_the_ratio_and_normalized_inputs_stay_normalized(ratio):
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    x = np.random.default_rng(1).normal(50, 20, (64, 4)).astype(np.float32)
    adapted = tf_keras.layers.Normalization()
    adapted.adapt(x)
    layers = [tf_keras.Input((4,)), adapted, tf_keras.layers.Dense(8), tf_keras.layers.Dense(3)]
    model = tf_keras.Sequential(layers)
    expected = predict(model, x)
    objective = training_objective(model, expected, None, 1.0)
    settings = FineTuning(2, 16, learning_rate=1e-6, weight_decay=0.0)
    epochs = ((x, None, None) for _ in range(2))
    pruned = prune_weights(model, model, epochs, settings, objective, ratio, 4, lambda _: None)
    assert zero_ratio(pruned) == pytest.approx(ratio, abs=0.05)
    if not ratio:
        np.testing.assert_allclose(predict(pruned, x)[0], expected[0], rtol=0, atol=1e-3)
