"""A model file of each kind with data of each kind goes through the whole build, in its own Keras."""

import json
import os

import numpy as np
import pytest

import edgeprune
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.load import load_model
from edgeprune.pipeline import build as pipeline
from edgeprune.recipe import recipe
from tests.pipeline.test_build import stripes

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("bring_your_own")]

FILES = [
    ("keras", "model.keras"), ("keras", "model.h5"),
    ("tf_keras", "model.keras"), ("tf_keras", "model.h5"), ("tf_keras", "model.hdf5"), ("tf_keras", "saved"),
]
SETTINGS = recipe(calibration=64, epochs=1, batch_size=32)


def trained(package, x, y):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu", name="edges"),
        layers.Flatten(), layers.Dense(24, activation="relu", name="middle"),
        layers.Dense(4, activation="softmax", name="answer"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=8, batch_size=32, verbose=0)
    return model


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The same samples as an archive, as arrays without labels, as pictures and as a function."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("data")
    train, test = stripes(360, 0), stripes(120, 2)
    scaled = [part.x.astype(np.float32) / 255 for part in (train, test)]
    np.savez(folder / "all.npz", x_train=scaled[0], y_train=train.y, x_test=scaled[1], y_test=test.y)
    np.save(folder / "x.npy", scaled[0])
    for name, split in (("train", train), ("test", test)):
        for number, (image, label) in enumerate(zip(split.x, split.y, strict=True)):
            place = folder / "pictures" / name / f"class{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[:, :, 0]).save(place / f"{number}.png")
    (folder / "my_own_samples.py").write_text(
        "import numpy as np\n"
        f"def load():\n    with np.load({str(folder / 'all.npz')!r}) as found:\n        return dict(found)\n"
    )
    return folder, scaled, train.y


@pytest.fixture(scope="module", params=FILES, ids=["-".join(pair) for pair in FILES])
def model_file(request, places, tmp_path_factory):
    package, name = request.param
    _, scaled, y = places
    path = tmp_path_factory.mktemp("model") / name
    model = trained(package, scaled[0], y)
    model.save(path, **({"save_format": "tf"} if name == "saved" else {}))
    return package, path


@pytest.mark.parametrize("data", ["all.npz", "x.npy", "pictures", "my_own_samples:load"])
def test_a_build_of_it_comes_back_in_the_same_keras(model_file, places, data, tmp_path, monkeypatch):
    package, path = model_file
    folder = places[0]
    monkeypatch.syspath_prepend(str(folder))
    source = data if ":" in data else str(folder / data)
    done = pipeline.run(pipeline.Source(path, source), SETTINGS, tmp_path / "out")
    report = json.loads(done.bundle.file("report.json").read_text())
    assert report["removed"]["neurons"] >= 0.5
    metric = "agreement" if data == "x.npy" else "accuracy"
    assert report["stages"]["deployed"]["metrics"][metric] >= 0.95
    back = load_model(done.bundle.file("model.keras"))
    assert is_keras3(back) == (package == "keras")
    assert [layer.name for layer in back.layers if layer.weights] == ["edges", "middle", "answer"]
    back.compile("adam", "sparse_categorical_crossentropy")
    back.fit(places[1][0][:32], places[2][:32], verbose=0)


def test_a_model_and_data_in_memory(places, tmp_path):
    """A generator that never ends is read once, `steps` batches of it."""
    _, scaled, y = places
    taken = []

    def endless():
        while True:
            for start in range(0, 360, 40):
                taken.append(start)
                yield scaled[0][start : start + 40], y[start : start + 40]

    model = trained("tf_keras", scaled[0], y)
    bundle = edgeprune.build(
        model, endless(), steps=9, out=tmp_path / "out", calibration=64, epochs=1, batch_size=32
    )
    report = json.loads(bundle.file("report.json").read_text())
    assert len(taken) == 9
    assert sum(report["data"][split] for split in ("train", "validation", "test")) == 360
    assert report["stages"]["deployed"]["metrics"]["accuracy"] >= 0.95
    assert {one["subject"] for one in report["data"]["decisions"]} >= {"samples", "preprocessing", "loss"}


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_texts_and_their_own_vocabulary(package, tmp_path):
    keras = pytest.importorskip(package)
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(40)]
    labels = rng.integers(0, 2, 400)
    rows = [" ".join(rng.choice(words[:20] if label else words[20:], 6)) for label in labels]
    names = ("bad", "good")
    text = "text,label\n" + "".join(
        f"{row},{names[label]}\n" for row, label in zip(rows, labels, strict=True)
    )
    (tmp_path / "reviews.csv").write_text(text)
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", *words]) + "\n")
    numbers = np.array([[words.index(word) + 2 for word in row.split()] for row in rows], np.int32)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((6,)), layers.Embedding(42, 16), layers.GlobalAveragePooling1D(),
        layers.Dense(16, activation="relu"), layers.Dense(2, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(numbers, labels, epochs=12, verbose=0)
    model.save(tmp_path / "model.keras")
    source = pipeline.Source(tmp_path / "model.keras", str(tmp_path / "reviews.csv"))
    done = pipeline.run(source, SETTINGS, tmp_path / "out")
    report = json.loads(done.bundle.file("report.json").read_text())
    assert report["removed"]["neurons"] >= 0.5
    assert report["stages"]["deployed"]["metrics"]["accuracy"] >= 0.95
    assert os.listdir(tmp_path / "out").count("vocab.txt") == 1  # noqa: PTH208


def test_several_inputs_and_outputs(tmp_path):
    import tf_keras

    rng = np.random.default_rng(0)
    x = [rng.normal(size=(300, 6)).astype(np.float32), rng.normal(size=(300, 4)).astype(np.float32)]
    y = (x[0][:, 0] + x[1][:, 0] > 0).astype(int)
    np.savez(tmp_path / "two.npz", x_0=x[0], x_1=x[1], y=y)
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    inputs = [layers.Input((6,)), layers.Input((4,))]
    joined = layers.Concatenate()([layers.Dense(16, activation="relu")(one) for one in inputs])
    hidden = layers.Dense(16, activation="relu")(joined)
    sign = layers.Dense(2, activation="softmax", name="sign")(hidden)
    model = tf_keras.Model(inputs, [sign, layers.Dense(3, name="more")(hidden)])
    model.compile("adam", ["sparse_categorical_crossentropy", "mse"])
    model.fit(x, [y, x[0][:, :3]], epochs=40, verbose=0)
    model.save(tmp_path / "model.keras")
    source = pipeline.Source(tmp_path / "model.keras", str(tmp_path / "two.npz"))
    done = pipeline.run(source, SETTINGS, tmp_path / "out")
    report = json.loads(done.bundle.file("report.json").read_text())
    stages = report["stages"]
    accuracy = [stages[name]["metrics"]["sign/accuracy"] for name in ("baseline", "deployed")]
    assert accuracy[1] >= accuracy[0] - 0.05
    assert report["removed"]["neurons"] >= 0.5
