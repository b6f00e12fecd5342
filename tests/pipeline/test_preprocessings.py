"""The preprocessing of a model's training is found, whatever holds samples; a useless model is refused."""

import functools

import numpy as np
import pytest
from PIL import Image

from edgeprune.errors import InputError
from edgeprune.pipeline import build as pipeline
from edgeprune.pipeline.baseline import open_baseline
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.store import ArtifactStore
from edgeprune.progress import silent
from edgeprune.recipe import recipe

KERAS = ["keras", "tf_keras"]
TRUTHS = {
    "zero-one": lambda x: x / 255, "minus-one-one": lambda x: x / 127.5 - 1, "pixels": lambda x: x,
    "imagenet": lambda x: (x - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375],
    "caffe": lambda x: x[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    "per-image": lambda x: (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True),
    "centered": lambda x: x - pictures()[0].mean((0, 1, 2)),
}
CONTAINERS = ["folder", "npz uint8", "npz 0 to 1", "npz 0 to 255", "npy"]
COLUMNS = {
    "none": lambda x: x, "standardize": lambda x: (x - x.mean(0)) / x.std(0),
    "min-max": lambda x: (x - x.min(0)) / (x.max(0) - x.min(0)),
}


@functools.cache
def pictures():
    """Textures whose colour and direction tell three classes, with much noise: (600, 16, 16, 3)."""
    random = np.random.default_rng(7)
    y = random.permutation(np.arange(600) % 3)
    grid = np.arange(16)
    waves = np.stack([
        np.sin(grid * 1.3)[:, None] + 0 * grid, np.sin(grid * 1.3) + 0 * grid[:, None],
        np.sin(0.9 * (grid + grid[:, None])),
    ])
    tint = np.array([[40, -10, -30], [-30, 40, -10], [-10, -30, 40]])
    base = random.uniform(70, 180, (600, 1, 1, 1)) + 30 * waves[y][..., None] + tint[y][:, None, None]
    noise = random.normal(0, 45, (600, 16, 16, 3)) + random.normal(0, 25, (600, 1, 1, 3))
    return np.clip(base + noise, 0, 255).astype(np.uint8), y


@functools.cache
def picture_model(package, truth):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(3)
    x, y = pictures()
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((16, 16, 3)), layers.Conv2D(12, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"), layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(TRUTHS[truth](x.astype(np.float32)), y, epochs=12, batch_size=32, verbose=0)
    return model


def stored(container, folder):
    x, y = pictures()
    real = x.astype(np.float32)
    if container == "folder":
        for number, (picture, label) in enumerate(zip(x, y, strict=True)):
            (folder / "data" / f"class{label}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / "data" / f"class{label}" / f"{number}.png")
        return folder / "data"
    if container == "npy":
        (folder / "data").mkdir()
        np.save(folder / "data" / "x.npy", x)
        np.save(folder / "data" / "y.npy", y)
        return folder / "data"
    kinds = {"npz uint8": x, "npz 0 to 1": real / 255, "npz 0 to 255": real}
    np.savez(folder / "data.npz", x=kinds[container], y=y)
    return folder / "data.npz"


def opened(model, data, **settings):
    chosen, source = recipe(**settings), Source(model, data)
    context = pipeline._context(source, chosen, ArtifactStore(None, source.load), silent, None, None)
    return open_baseline(chosen, context)


@pytest.mark.heavy
@pytest.mark.parametrize("package", KERAS)
@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_pictures_reach_the_model_as_it_was_trained(container, truth, package, tmp_path):
    data = opened(picture_model(package, truth), stored(container, tmp_path)).data
    raw = np.asarray(data.train.x[:50])
    pixels = raw.astype(np.float64) * (255 if raw.max() <= 1 else 1)
    made = np.asarray(data.model_input(data.train.x[:50]))
    of_largest = 0.03 if "centered" in truth else 2e-3  # means are those of a part of the training pictures
    np.testing.assert_allclose(made, TRUTHS[truth](pixels), rtol=0, atol=of_largest * abs(made).max())


@pytest.mark.heavy
@pytest.mark.parametrize("package", KERAS)
@pytest.mark.parametrize("truth", COLUMNS)
@pytest.mark.parametrize("container", ["npz", "csv"])
def test_columns_reach_the_model_as_it_was_trained(container, truth, package, tmp_path):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(5)
    random = np.random.default_rng(5)
    x = (random.normal(size=(500, 4)) * [1, 3, 10, 0.5] + [2, -1, 30, 0]).astype(np.float32)
    scaled = (x - [2, -1, 30, 0]) / [1, 3, 10, 0.5]
    y = (scaled[:, 0] + scaled[:, 1] * scaled[:, 2] > 0).astype(np.int64)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((4,)), layers.Dense(24, activation="relu"), layers.Dense(24, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    model.fit(COLUMNS[truth](x), y, epochs=40, batch_size=32, verbose=0)
    if container == "npz":
        np.savez(tmp_path / "data.npz", x=x, y=y)
    else:
        pairs = zip(x.tolist(), y, strict=True)
        rows = "\n".join(",".join(map(repr, row)) + f",{label}" for row, label in pairs)
        (tmp_path / "data.csv").write_text("a,b,c,d,label\n" + rows + "\n")
    data = opened(model, tmp_path / f"data.{container}").data
    made = np.asarray(data.model_input(x))
    # Statistics are of the training rows, four fifths of all.
    tolerance = 0.35 if truth == "min-max" else 0.2
    np.testing.assert_allclose(made, COLUMNS[truth](x), rtol=0 if truth != "none" else 1e-6, atol=tolerance)


@pytest.mark.parametrize("package", KERAS)
def test_a_model_that_does_no_better_than_a_constant_is_refused(package, tmp_path):
    keras = pytest.importorskip(package)
    x, y = pictures()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.set_weights([np.zeros((768, 3)), np.array([0.0, 1.0, 0.0])])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    np.savez(tmp_path / "data.npz", x=x[:150], y=y[:150])
    with pytest.raises(InputError, match=r"no better on this data than a constant answer.*--force"):
        opened(model, tmp_path / "data.npz")
