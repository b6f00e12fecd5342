"""The whole path on a model small enough for every test run: real training, conversion and device."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import edgeprune
from edgeprune.bundle import load_eval, read_bundle
from edgeprune.data.dataset import Dataset, Split
from edgeprune.errors import InputError
from edgeprune.pipeline import build as pipeline
from edgeprune.recipe import recipe

CONTRACT = {"neurons", "params", "macs", "tflite_bytes", "metrics", "latency_ms"}


def stripes(number, seed):
    """Images whose class is the direction and phase of a stripe."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 4, number)
    x = generator.integers(0, 60, (number, 8, 8, 1))
    for image, label in zip(x, y, strict=True):
        line = slice(None), slice(label % 2 * 4 + 1, label % 2 * 4 + 3)
        image[line if label < 2 else line[::-1]] += 190
    return Split(x.astype(np.uint8), y)


@pytest.fixture(scope="module")
def data():
    return Dataset(
        "vision", stripes(320, 0), stripes(80, 1), stripes(200, 2),
        preprocessing=({"op": "rescale", "scale": 1 / 255, "offset": 0.0},),
        labels=("left", "right", "top", "bottom"), name="stripes",
    )


@pytest.fixture(scope="module")
def model(data):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    network = tf_keras.Sequential([
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", use_bias=False), layers.BatchNormalization(momentum=0.8),
        layers.ReLU(), layers.DepthwiseConv2D(3, padding="same"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(4, activation="softmax"),
    ], name="stripes")
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(data.model_input(data.train.x), data.train.y, epochs=8, batch_size=32, verbose=0)
    return network


def build(model, data, out, **settings):
    settings = recipe(**{"calibration": 128, "epochs": 1, **settings})
    return pipeline.run(pipeline.Source(model, data), settings, out, command="edgeprune build").bundle


@pytest.fixture(scope="module")
def bundle(model, data, tmp_path_factory):
    return build(model, data, tmp_path_factory.mktemp("build") / "edgeprune")


def test_the_folder_keeps_the_contract(bundle, model):
    import tf_keras

    names = {path.name for path in bundle.path.iterdir()}
    assert names == {"model.tflite", "model.keras", "manifest.json", "report.json", "eval.npz", "labels.txt"}
    report = json.loads(bundle.file("report.json").read_text())
    assert report["schema_version"] == 2
    assert all(set(stage) >= CONTRACT for stage in report["stages"].values())
    assert set(report["stages"]) == {"baseline", "pruned", "deployed"}
    baseline, deployed = report["stages"]["baseline"], report["stages"]["deployed"]
    assert baseline["params"] == model.count_params()
    assert deployed["tflite_bytes"] == bundle.file("model.tflite").stat().st_size
    gone = baseline["neurons"] - deployed["neurons"]
    assert report["removed"]["neurons"] == pytest.approx(gone / baseline["neurons"], abs=1e-12)
    assert report["removed"]["neurons"] >= 0.5
    assert sum(group["units_before"] for group in report["groups"]) == baseline["neurons"]
    assert sum(group["units_after"] for group in report["groups"]) == deployed["neurons"]
    assert report["equivalence"]["max_abs_error"] <= report["equivalence"]["tolerance"]
    assert deployed["metrics"]["accuracy"] >= baseline["metrics"]["accuracy"] - 0.02
    pruned = tf_keras.models.load_model(bundle.file("model.keras"))
    assert pruned.count_params() == deployed["params"]
    assert [layer.name for layer in pruned.layers] == [layer.name for layer in model.layers]
    assert bundle.file("labels.txt").read_text().split() == ["left", "right", "top", "bottom"]


def test_nothing_that_is_as_accurate_is_smaller_and_faster_than_what_ships(bundle):
    steps = json.loads(bundle.file("report.json").read_text())["quantization"]["steps"]
    (shipped,) = [step for step in steps if step["chosen"]]
    assert shipped["verdict"] == "shipped"
    for step in steps:
        if step["verdict"] not in ("shipped", "refused", "loses too much", "less accurate"):
            smaller = step["runnable_bytes"] < shipped["runnable_bytes"]
            # Within 15 % is noise, and so are the 2 µs that a call costs beside the model.
            assert not (smaller and 1.15 * (step["latency_us"] + 2) < shipped["latency_us"] + 2)


def test_the_samples_are_raw_and_of_the_test_split(bundle, data):
    samples = load_eval(bundle.file("eval.npz"))
    assert samples.inputs[0].dtype == np.uint8
    known = {image.tobytes(): label for image, label in zip(data.test.x, data.test.y, strict=True)}
    assert [known[image.tobytes()] for image in samples.inputs[0]] == samples.y.tolist()


@pytest.mark.heavy
def test_the_same_seed_gives_the_same_bytes(bundle, model, data, tmp_path):
    again = build(model, data, tmp_path / "elsewhere")
    assert again.file("model.tflite").read_bytes() == bundle.file("model.tflite").read_bytes()


def test_nothing_removed_is_quantization_alone(model, data, tmp_path):
    import tf_keras

    before = [array.copy() for array in model.get_weights()]
    bundle = edgeprune.build(model, data, out=tmp_path / "out", prune=0.0, eval_samples=50)
    report = json.loads(bundle.file("report.json").read_text())
    shipped = tf_keras.models.load_model(bundle.file("model.keras")).get_weights()
    for kept, was in zip(shipped, before, strict=True):
        np.testing.assert_array_equal(kept, was)
    assert "training" not in report or report["training"] == []
    assert report["removed"] == {"neurons": 0.0, "params": 0.0, "macs": 0.0}
    assert report["stages"]["deployed"]["tflite_bytes"] < report["stages"]["baseline"]["tflite_bytes"]


def test_a_model_of_which_nothing_can_go_is_refused_before_it_trains(data, tmp_path):
    import tf_keras as keras

    model = keras.Sequential([
        keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4, name="last"),
    ])
    # By least squares: random weights may know nothing of the data, which is refused first.
    x = data.model_input(data.train.x).reshape(-1, 64)
    kernel, *_ = np.linalg.lstsq(np.c_[x, np.ones(len(x))], np.eye(4)[data.train.y], rcond=None)
    model.set_weights([kernel[:64], kernel[64]])
    with pytest.raises(InputError, match=r"No neuron .* \(layer 'last' is an output of the model"):
        build(model, data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_file_and_a_data_file(model, data, tmp_path):
    model.save(tmp_path / "mine.keras")
    np.savez(
        tmp_path / "mine.npz", x_train=data.model_input(data.train.x), y_train=data.train.y,
        x_test=data.model_input(data.test.x), y_test=data.test.y,
    )
    done = subprocess.run(
        [sys.executable, "-m", "edgeprune", "build", "mine.keras", "--data", "mine.npz", "--epochs", "1",
         "--schedule", "one-shot", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["removed"]["neurons"] >= 0.5
    written = read_bundle(tmp_path / "build" / "edgeprune")
    assert written.manifest.commands[0].startswith("edgeprune build mine.keras")
    assert done.stderr == ""


def test_data_of_another_shape_is_refused(model, tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.zeros((40, 9, 9, 1), np.float32), y=np.arange(40) % 4)
    with pytest.raises(InputError, match=r"\(8, 8, 1\)"):
        build(model, tmp_path / "mine.npz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("delay", [0.3, 4.0, pytest.param(9.0, marks=pytest.mark.heavy)])
def test_ctrl_c_leaves_the_previous_folder_and_nothing_else(bundle, tmp_path, tmp_path_factory, delay):
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    out.mkdir()
    for path in bundle.path.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    # A background job of a shell is started with SIGINT ignored.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from edgeprune.cli import main; main()"
    )
    cache = str(tmp_path_factory.mktemp("cache"))
    process = subprocess.Popen(
        [sys.executable, "-c", code, "build", "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary), "XDG_CACHE_HOME": cache},
    )
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    # Before the interpreter has reached our code the signal itself ends it; a shell shows both as 130.
    assert process.returncode in (130, -signal.SIGINT)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path not in (out, temporary)] == []
    assert list(Path(temporary).iterdir()) == []
