"""Each layer's costs against Keras' own counts and the textbook."""

from __future__ import annotations

import numpy as np

from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.report.layers import layer_rows


def test_costs_of_layers_before_and_after():
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([
        layers.Input((6, 6, 2)), layers.Conv2D(8, 3, name="conv"), layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu"), layers.Flatten(name="flatten"), layers.Dense(5, name="dense"),
    ])
    units = find_dependencies(read(model).graph)
    keep = np.ones(units.count, bool)
    (group,) = (group for group in units.groups if len(group.channels) == 8)
    keep[group.channels[:3]] = False
    rows = {row.name: row for row in layer_rows(units, keep)}
    assert list(rows) == ["conv", "norm", "dense"]
    assert {name: row.params_before for name, row in rows.items()} == {
        layer.name: layer.count_params() for layer in model.layers if layer.count_params()
    }
    assert rows["conv"].kind == "Conv2D"
    assert (rows["conv"].macs_before, rows["conv"].macs_after) == (16 * 9 * 2 * 8, 16 * 9 * 2 * 5)
    assert (rows["dense"].macs_before, rows["dense"].macs_after) == (16 * 8 * 5, 16 * 5 * 5)
    assert rows["conv"].params_after == 9 * 2 * 5 + 5
    assert rows["norm"].params_after == 4 * 5
