"""Models of the zoo by their names, through the whole build."""

import dataclasses
import json

import numpy as np
import pytest

import edgeprune
import edgeprune_models as zoo
from device_runners import bench
from edgeprune.conversion import run_tflite
from edgeprune.data.tabular import synthetic_anomalies, synthetic_rows
from edgeprune.errors import InputError
from edgeprune.keras_bridge.load import saved_bytes
from edgeprune.metrics import evaluate
from edgeprune.metrics.anomaly import choose_threshold, reconstruction_error
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.zoo import with_defaults
from edgeprune.training.objective import training_objective
from edgeprune_models import training


@pytest.fixture
def shortly(monkeypatch):
    """Trains an entry of the zoo for fewer epochs."""

    def shorten(name, epochs):
        entry = zoo.find(name)
        recipe = dataclasses.replace(entry.recipe, epochs=epochs)
        short = dataclasses.replace(entry, recipe=recipe, fine_tuning={"epochs": 1})
        monkeypatch.setitem(zoo.ZOO, name, short)

    return shorten


@pytest.mark.heavy
def test_an_autoencoders_threshold_is_chosen_on_validation_data(shortly, tmp_path):
    shortly("autoencoder", 8)
    data = synthetic_anomalies(count=1500)
    bundle = edgeprune.build(
        "zoo:autoencoder", data, out=tmp_path / "out", calibration=100, schedule="one-shot"
    )
    report = json.loads(bundle.file("report.json").read_text())
    assert (report["recipe"]["task"], report["recipe"]["epochs"]) == ("tabular", 1)
    found = report["stages"]["deployed"]["metrics"]
    assert found["roc_auc"] > 0.8

    def scored(split):
        x = data.model_input(split.x)
        return x, run_tflite(bundle.model.read_bytes(), (x,))

    x, outputs = scored(data.validation)
    chosen = choose_threshold(data.validation.y, reconstruction_error(x, outputs))
    assert bundle.manifest.threshold == pytest.approx(chosen, rel=1e-6)
    x, outputs = scored(data.test)
    alarms = reconstruction_error(x, outputs) > chosen
    expected = evaluate(["f1"], data.test.y, alarms.astype(float))["f1"]
    assert found["anomaly_f1"] == pytest.approx(expected, rel=0, abs=1e-9)
    # The device counts the same alarms on its samples, and says what they are.
    record = bench(bundle, "local")
    assert record.metrics == pytest.approx(report["stages"]["deployed"]["on_eval"]["metrics"], abs=1e-9)
    assert record.synthetic
    assert any("synthetic" in one["text"] and one["about"] == "quality" for one in report["warnings"])
    limits = edgeprune.Limits.parse(min_accuracy=0.5)
    (judged,) = edgeprune.check(bundle.path, limits).judgements
    assert "synthetic data" in str(judged)


def test_a_model_that_was_kept_is_trained_on_by_the_same_loss(tmp_path):
    entry = zoo.find("ctc-crnn")
    model = entry.build((20, 8), 3, 1)
    training.compile_model(model, entry.recipe, 10)
    (tmp_path / "model.keras").write_bytes(saved_bytes(model))
    kept = Source("zoo:ctc-crnn").load(tmp_path / "model.keras")
    labels, answers = np.array([[0, 1, -1]]), np.full((1, 10, 4), 0.25, np.float32)
    found = [training_objective(one, (answers,), labels, 0.7).objectives[0].compiled for one in (model, kept)]
    assert [one.losses[0].fn for one in found] == [training.ctc_loss] * 2


def test_settings_of_ones_own_beat_the_zoos():
    zoos = zoo.find("mlp").fine_tuning
    found = with_defaults("zoo:mlp", {"epochs": 2, "seed": 5})
    assert found == {**zoos, "task": "tabular", "epochs": 2, "seed": 5, "least_steps": 0}
    assert zoos["epochs"] != 2
    # Epochs that are asked for are all that a recurrent model gets.
    assert with_defaults("mine.keras", {"epochs": 2}) == {"epochs": 2, "least_steps": 0}
    assert with_defaults("mine.keras", {"epochs": 2, "least_steps": 9})["least_steps"] == 9
    assert with_defaults(None, {})["task"] == "vision"
    # Nothing pruned, nothing trained, unless epochs are asked for.
    assert with_defaults("mine.keras", {"prune": 0.0}) == {"prune": 0.0, "epochs": 0}
    assert with_defaults("mine.keras", {"prune": 0.0, "epochs": 3})["epochs"] == 3
    assert "epochs" not in with_defaults("mine.keras", {"prune": 0.0, "max_drop": 1.0})


def test_a_model_that_is_not_there_and_another_task_are_refused(tmp_path):
    with pytest.raises(InputError, match="'lenet-6'"):
        edgeprune.build("zoo:lenet-6", out=tmp_path / "out")
    with pytest.raises(InputError, match="task is tabular"):
        edgeprune.build("zoo:mlp", task="text", out=tmp_path / "out")
    pairs = dataclasses.replace(synthetic_rows(), task="translation")
    with pytest.raises(InputError, match="on no other data"):
        edgeprune.build("zoo:number-translator", pairs, out=tmp_path / "out")
    with pytest.raises(InputError, match="samples of the task tabular"):
        edgeprune.build("zoo:lenet-5", synthetic_rows(), out=tmp_path / "out")
