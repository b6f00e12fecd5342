"""How the outputs react to each group's removals, against runs of the whole network."""

import numpy as np
import pytest

from edgeprune.keras_bridge.network import network_of
from edgeprune.pruning import importance
from edgeprune.pruning.activation_statistics import collect_moments
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.divergence import divergence
from edgeprune.pruning.importance.criterion import CriterionContext
from edgeprune.pruning.sensitivity import interpolate, sensitivity_curves, without

FRACTIONS = (0.3, 0.7)


def _branches(k):
    """Two branches of different depth that are concatenated, a shared layer, and a residual sum."""
    data = k.Input((8, 8, 3))
    stem = k.layers.Conv2D(6, 3, padding="same", name="stem")(data)
    shared = k.layers.Conv2D(6, 1, activation="relu", name="shared")
    left = k.layers.BatchNormalization()(k.layers.Conv2D(5, 3, padding="same", use_bias=False)(shared(stem)))
    right = shared(k.layers.ReLU()(stem))
    x = k.layers.Concatenate()([left, k.layers.Add()([right, stem])])
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(data, k.layers.Dense(4, activation="softmax")(k.layers.Dense(7, activation="relu")(x)))


@pytest.mark.parametrize("package", ["tf_keras", pytest.param("keras", marks=pytest.mark.heavy)])
def test_sharing_the_run_before_a_change_changes_no_curve(package):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(3)
    network = network_of(_branches(keras))
    data = np.random.default_rng(0).normal(size=(40, 8, 8, 3)).astype("float32")
    dependencies = find_dependencies(network.graph)
    moments = collect_moments(network, dependencies, data, batch=16, seed=0)
    order = importance.importance_of(
        importance.DEFAULT, CriterionContext(network, dependencies, data, moments=moments)
    )
    found = sensitivity_curves(network, dependencies, order, moments, data, fractions=FRACTIONS)
    reference = network.outputs(data)
    for group, one, curve in zip(dependencies.groups, order, found, strict=True):
        size, measured = len(group.channels), []
        removed = [round(size * part) for part in FRACTIONS]
        for number in removed:
            changes = without(network, dependencies, group, one.keep_mask(size - number), moments)
            before = {layer: network.weights(layer) for layer in changes}
            for layer, arrays in changes.items():
                network.replace(layer, arrays)
            measured.append(divergence(reference, network.outputs(data)))
            for layer, weights in before.items():
                network.replace(layer, dict(enumerate(weights)))
        assert max(measured) > 0
        np.testing.assert_array_equal(curve, interpolate(one.cumulative, removed, measured))
