"""A model that names a digit and gives its box keeps both, on digits that nobody has seen before."""

import json

import numpy as np
import pytest

import edgeprune
from device_runners import bench
from edgeprune.data.vision import digits

SEEDS = (0, 1, 2)
SIDE = 40
NAMES = ("train", "validation", "test")


def with_boxes(split, seed):
    """Pictures 0..1 with a digit somewhere, which one, and its ink's ymin, xmin, ymax, xmax as fractions."""
    digit, random = np.asarray(split.x), np.random.default_rng(seed)
    places = random.integers(0, SIDE - 28 + 1, (len(split), 2))
    x = np.zeros((len(split), SIDE, SIDE, 1), np.float32)
    for picture, one, (down, right) in zip(x, digit, places, strict=True):
        picture[down : down + 28, right : right + 28] = one / 255
    ink = x[..., 0] > 0.25
    edges = []
    for axis in (2, 1):
        there = ink.any(axis=axis)
        edges += [there.argmax(axis=1), SIDE - there[:, ::-1].argmax(axis=1)]
    top, bottom, left, right = edges
    return x, np.asarray(split.y), np.stack([top, left, bottom, right], axis=1).astype(np.float32) / SIDE


def trained(x, y, boxes, seed):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    picture = keras.Input((SIDE, SIDE, 1), name="picture")
    z = layers.Conv2D(24, 3, strides=2, activation="relu")(picture)
    z = layers.Conv2D(48, 3, strides=2, activation="relu")(z)
    z = layers.Conv2D(64, 3, strides=2, activation="relu")(z)
    z = layers.Dense(96, activation="relu")(layers.Flatten()(z))
    digit = layers.Dense(10, activation="softmax", name="digit")(z)
    box = layers.Dense(4, name="box")(z)
    model = keras.Model(picture, [digit, box])
    losses = {"digit": "sparse_categorical_crossentropy", "box": "mse"}
    model.compile(keras.optimizers.Adam(2e-3), losses, loss_weights={"digit": 1.0, "box": 100.0})
    model.fit(x, {"digit": y, "box": boxes}, epochs=30, batch_size=32, verbose=0)
    return model


@pytest.mark.heavy
def test_both_outputs_keep_within_a_point_and_the_device_measures_both(tmp_path):
    found = []
    for seed in SEEDS:
        parts = {name: with_boxes(getattr(digits(seed), name), seed) for name in NAMES}
        data = {name: (x, {"digit": y, "box": box}) for name, (x, y, box) in parts.items()}
        model = trained(*parts["train"], seed)
        bundle = edgeprune.build(model, data, epochs=8, out=tmp_path / str(seed), seed=seed)
        stages = json.loads(bundle.file("report.json").read_text())["stages"]
        before, after = (stages[name]["metrics"] for name in ("baseline", "deployed"))
        names = ("digit/accuracy", "box/r2")
        found.append([after[name] - before[name] for name in names])
        assert min(before[name] for name in names) > 0.75
        record = bench(bundle, "local")
        assert record.metrics == pytest.approx(stages["deployed"]["on_eval"]["metrics"], abs=1e-9)
        assert set(names) <= set(record.metrics)
    assert np.mean(found, axis=0).min() > -0.01, found
