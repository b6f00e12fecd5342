"""Segmentation and detection from nothing: trained shortly, pruned by half, int8, measured again."""

import dataclasses
import json

import numpy as np
import pytest

import edgeprune
import edgeprune_models as zoo
from device_runners import bench
from edgeprune.bundle.eval_data import load_eval
from edgeprune.conversion import run_tflite
from edgeprune.metrics import evaluate
from edgeprune.tasks import detections


def fewer(data, count):
    parts = {name: getattr(data, name).take(slice(0, n)) for name, n in zip(
        ("train", "validation", "test"), (count, count // 4, count // 4), strict=True)}
    return dataclasses.replace(data, **parts)


@pytest.mark.heavy
@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_a_dense_task_goes_through_the_whole_build(task, tmp_path, monkeypatch):
    entry = zoo.default_for(task)
    recipe = dataclasses.replace(entry.recipe, epochs=8)
    short = dataclasses.replace(entry, recipe=recipe, fine_tuning={"epochs": 5, "learning_rate": 3e-3})
    monkeypatch.setitem(zoo.ZOO, entry.name, short)
    data = fewer(entry.load_data(), 600)
    bundle = edgeprune.build(None, data, task=task, out=tmp_path / "out", calibration=200)
    report = json.loads(bundle.file("report.json").read_text())
    assert report["removed"]["neurons"] == pytest.approx(0.5, abs=0.02)
    name = {"segmentation": "mean_iou", "detection": "map_50"}[task]
    assert next(iter(report["stages"]["deployed"]["metrics"])) == name
    before, after = (report["stages"][stage]["metrics"][name] for stage in ("baseline", "deployed"))
    assert after > max(0.1, before - 0.1)
    # The same figure by hand: the file's own outputs, decoded, against the labels.
    outputs = run_tflite(bundle.model.read_bytes(), (data.model_input(data.test.x),))
    found = detections(outputs) if task == "detection" else outputs
    expected = evaluate([name], data.test.y, found)[name]
    assert after == pytest.approx(expected, rel=0, abs=1e-6)
    # The device decodes with the same code.
    record = bench(bundle, "local")
    assert record.metrics == pytest.approx(report["stages"]["deployed"]["on_eval"]["metrics"], abs=1e-9)
    samples = load_eval(bundle.file("eval.npz"))
    assert len(samples.inputs[0]) == len(data.test)
    assert np.isfinite(list(record.metrics.values())).all()
