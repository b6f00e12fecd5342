"""Every way of pruning and training through the whole build, judged by what only that way gives."""

import json

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset
from edgeprune.errors import InputError
from edgeprune.keras_bridge.load import load_model
from edgeprune.pipeline import build as pipeline
from edgeprune.recipe import recipe
from tests.pipeline.test_build import stripes

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("build_ways")]


@pytest.fixture(scope="module")
def data():
    return Dataset(
        "vision", stripes(480, 0), stripes(120, 1), stripes(200, 2),
        preprocessing=({"op": "rescale", "scale": 1 / 255, "offset": 0.0},),
        labels=("left", "right", "top", "bottom"), name="stripes",
    )


@pytest.fixture(scope="module")
def models(data):
    return {package: trained(package, data) for package in ("tf_keras", "keras")}


def trained(package, data):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu", name="edges"),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.1),
        layers.Dense(32, activation="relu", name="middle"),
        layers.Dense(4, activation="softmax", name="answer"),
    ])
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(data.model_input(data.train.x), data.train.y, epochs=12, batch_size=32, verbose=0)
    return network


def built(model, data, out, **settings):
    chosen = recipe(**{"calibration": 128, "epochs": 2, "batch_size": 32, **settings})
    bundle = pipeline.run(pipeline.Source(model, data), chosen, out).bundle
    return bundle, json.loads(bundle.file("report.json").read_text())


def accuracy(report, stage="deployed"):
    return report["stages"][stage]["metrics"]["accuracy"]


def test_weights_go_and_neurons_stay(models, data, tmp_path):
    bundle, report = built(models["tf_keras"], data, tmp_path / "out", method="weight", prune=0.6)
    assert report["removed"]["neurons"] == 0
    kernels = [weight for weight in load_model(bundle.file("model.keras")).get_weights() if weight.ndim > 1]
    zeros = sum((kernel == 0).sum() for kernel in kernels) / sum(kernel.size for kernel in kernels)
    assert 0.58 <= zeros <= 0.65
    assert report["zero_weights"] == pytest.approx(zeros)
    assert accuracy(report) >= accuracy(report, "baseline") - 0.05
    assert any("gets no faster" in note for note in report["notes"])


def test_both_go(models, data, tmp_path):
    _, report = built(models["tf_keras"], data, tmp_path / "out", method="hybrid", prune=0.5, epochs=6)
    assert report["removed"]["neurons"] >= 0.5
    assert report["zero_weights"] >= 0.45


def test_weights_of_keras_3_are_refused_before_training(models, data, tmp_path):
    with pytest.raises(InputError, match="tf_keras"):
        built(models["keras"], data, tmp_path / "out", method="weight")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_the_largest_share_that_holds(models, data, tmp_path, package):
    _, report = built(models[package], data, tmp_path / "out", max_drop=2.0)
    trials = report["search"]
    held = [trial["ratio"] for trial in trials if trial["holds"]]
    assert report["removed"]["neurons"] >= max(held)
    assert all(trial["holds"] == (trial["drop"] <= 2.0) for trial in trials)
    assert not [one for one in trials if one["holds"] and one["ratio"] > max(held)]


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_round_by_round(models, data, tmp_path, package):
    _, report = built(models[package], data, tmp_path / "out", schedule="iterative", rounds=2)
    assert report["removed"]["neurons"] >= 0.5
    before = {group["name"]: group["units_before"] for group in report["groups"]}
    assert before == {"edges": 16, "middle": 32}
    after = sum(group["units_after"] for group in report["groups"])
    assert report["removed"]["neurons"] == pytest.approx(1 - after / 48)
    assert len(report["training"]) == 2 * 3
    assert accuracy(report) >= accuracy(report, "baseline") - 0.05


def test_held_out_parts(models, data, tmp_path):
    _, report = built(models["tf_keras"], data, tmp_path / "out", folds=3)
    assert len(report["cross_validation"]) == 3
    assert min(report["cross_validation"]) >= 0.9


def test_protected_layers_and_ratios(models, data, tmp_path):
    settings = {"protect": ("edges",), "ratios": {"mid*": 0.75}, "prune": 0.4}
    _, report = built(models["tf_keras"], data, tmp_path / "out", **settings)
    assert {group["name"]: group["units_after"] for group in report["groups"]} == {"edges": 16, "middle": 8}


def test_below_a_threshold(models, data, tmp_path):
    _, report = built(models["tf_keras"], data, tmp_path / "out", threshold=0.8, criterion="l2", round_to=1)
    assert 0 < report["removed"]["neurons"] < 1
    assert report["recipe"]["threshold"] == 0.8
    assert accuracy(report) >= accuracy(report, "baseline") - 0.05


@pytest.mark.parametrize("criterion", ["taylor", "apoz"])
def test_another_criterion(models, data, tmp_path, criterion):
    settings = {"criterion": criterion, "allocation": "uniform", "round_to": 1}
    _, report = built(models["keras"], data, tmp_path / "out", **settings)
    assert report["recipe"]["criterion"] == criterion
    assert {group["name"]: group["units_after"] for group in report["groups"]} == {"edges": 8, "middle": 16}


def test_shared_weights(models, data, tmp_path):
    bundle, report = built(models["tf_keras"], data, tmp_path / "out", clusters=8)
    kernels = [weight for weight in load_model(bundle.file("model.keras")).get_weights() if weight.ndim > 1]
    assert max(len(np.unique(kernel)) for kernel in kernels) <= 8
    assert report["quantization"]["zip_bytes"] < report["quantization"]["runnable_bytes"]


def test_training_with_simulated_int8(models, data, tmp_path):
    _, report = built(models["tf_keras"], data, tmp_path / "two", qat=True)
    assert [step["name"] for step in report["quantization"]["steps"] if step["chosen"]] == [
        "quantization-aware training"
    ]
    assert report["removed"]["neurons"] >= 0.5
    # tfmot cannot wrap Keras 3: quantized after training, and said.
    _, report = built(models["keras"], data, tmp_path / "three", qat=True)
    assert any("no training with simulated int8" in one["text"] for one in report["warnings"])


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_mirrored_training(models, data, tmp_path, package):
    _, report = built(models[package], data, tmp_path / "out", distribute="mirrored")
    assert accuracy(report) >= accuracy(report, "baseline") - 0.05
    assert len(report["training"]) == 3
