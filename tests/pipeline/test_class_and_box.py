"""A model that names a digit and gives its box keeps both, on digits that nobody has seen before."""

import json

import numpy as np
import pytest

import edgeprune
from device_runners import bench
from edgeprune.data.vision import digits

SEEDS = (0, 1, 2)


def with_boxes(split):
    """Pictures 0..1, digits, and ymin, xmin, ymax, xmax of their ink as fractions of the picture."""
    x = np.asarray(split.x).astype(np.float32) / 255
    ink = x[..., 0] > 0.25
    edges = []
    for axis in (2, 1):
        there = ink.any(axis=axis)
        edges += [there.argmax(axis=1), 28 - there[:, ::-1].argmax(axis=1)]
    top, bottom, left, right = edges
    return x, np.asarray(split.y), np.stack([top, left, bottom, right], axis=1).astype(np.float32) / 28


def trained(x, y, boxes, seed):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    picture = keras.Input((28, 28, 1), name="picture")
    z = layers.Conv2D(24, 3, strides=2, activation="relu")(picture)
    z = layers.Conv2D(48, 3, strides=2, activation="relu")(z)
    z = layers.Dense(96, activation="relu")(layers.Flatten()(z))
    digit = layers.Dense(10, activation="softmax", name="digit")(z)
    box = layers.Dense(4, name="box")(z)
    model = keras.Model(picture, [digit, box])
    losses = {"digit": "sparse_categorical_crossentropy", "box": "mse"}
    model.compile(keras.optimizers.Adam(1e-3), losses, loss_weights={"digit": 1.0, "box": 200.0})
    model.fit(x, {"digit": y, "box": boxes}, epochs=15, batch_size=64, verbose=0)
    return model


@pytest.mark.heavy
def test_both_outputs_keep_within_a_point_and_the_device_measures_both(tmp_path):
    found = []
    for seed in SEEDS:
        parts = {name: with_boxes(getattr(digits(seed), name)) for name in ("train", "validation", "test")}
        data = {name: (x, {"digit": y, "box": box}) for name, (x, y, box) in parts.items()}
        model = trained(*parts["train"], seed)
        bundle = edgeprune.build(model, data, epochs=8, out=tmp_path / str(seed), seed=seed)
        stages = json.loads(bundle.file("report.json").read_text())["stages"]
        before, after = (stages[name]["metrics"] for name in ("baseline", "deployed"))
        names = ("digit/accuracy", "box/r2")
        found.append([after[name] - before[name] for name in names])
        assert min(before[name] for name in names) > 0.7
        record = bench(bundle, "local")
        assert record.metrics == pytest.approx(stages["deployed"]["on_eval"]["metrics"], abs=1e-9)
        assert set(names) <= set(record.metrics)
    assert np.mean(found, axis=0).min() > -0.01, found
