"""Builds by a budget instead of a share. Timings are never asserted, only what is done with them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeprune
from edgeprune.budget import timing as measuring
from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.pipeline import build as pipeline
from edgeprune.pipeline import within_budget
from edgeprune.recipe import recipe
from edgeprune.report.page import write_report
from tests.pipeline.test_build import stripes

GOLDEN = Path(__file__).parents[1] / "device_runners" / "golden" / "bundle_v1"
SETTINGS = {"calibration": 96, "epochs": 1, "schedule": "one-shot", "batch_size": 32, "round_to": 1}
GRADUAL = {**SETTINGS, "schedule": "gradual", "gradual_epochs": 1}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    import tf_keras

    folder = tmp_path_factory.mktemp("source")
    train, test = stripes(320, 0), stripes(120, 2)
    scaled = [part.x.astype(np.float32) / 255 for part in (train, test)]
    np.savez(folder / "data.npz", x_train=scaled[0], y_train=train.y, x_test=scaled[1], y_test=test.y)
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    network = tf_keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, padding="same"), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(24, activation="relu"), layers.Dense(4, activation="softmax"),
    ], name="stripes")
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(scaled[0], train.y, epochs=8, batch_size=32, verbose=0)
    network.save(folder / "model.keras")
    return pipeline.Source(folder / "model.keras", str(folder / "data.npz"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Precision costs time, and nothing here depends on it.
    monkeypatch.setattr(measuring, "_TIME_S", 0.1)
    monkeypatch.setattr(measuring, "_ROUND_S", 0.02)
    monkeypatch.setattr(within_budget, "_TRIALS", 2)
    return tmp_path / "cache/edgeprune"


def report_of(bundle):
    return json.loads(bundle.file("report.json").read_text())


@pytest.mark.heavy
def test_size_and_macs_hold_together_without_any_device(source, tmp_path, monkeypatch):
    from edgeprune.budget import profile

    monkeypatch.setattr(profile, "bench_content", None)  # nothing to time
    bundle = edgeprune.build(
        source.model, source.data, out=tmp_path / "out", max_size="14kB", max_macs="100k", **GRADUAL
    )
    report = report_of(bundle)
    assert bundle.model.stat().st_size <= 14_000
    assert report["stages"]["deployed"]["macs"] <= 100_000
    found = report["budget"]
    assert found["limits"] == {"size_bytes": 14_000, "macs": 100_000}
    assert found["deployed"]["inside"]
    assert found["deployed"]["measured"]["size_bytes"] == bundle.model.stat().st_size
    assert found["baseline"]["macs"] == report["stages"]["baseline"]["macs"]
    assert [row["units_after"] for row in found["rows"]] == [one["units_after"] for one in report["groups"]]
    page = write_report([bundle.path], tmp_path / "page.html").read_text()
    assert "Why each layer has its width" in page
    assert "Predicted and measured" in page


@pytest.mark.heavy
def test_a_latency_that_is_easily_met_keeps_everything_and_is_explained(source, tmp_path):
    settings = {**SETTINGS, "max_latency": "1s", "device": "local"}
    edgeprune.build(source.model, source.data, out=tmp_path / "out", **settings)
    typed = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    again = subprocess.run(
        [sys.executable, "-m", "edgeprune", "build", source.model, "--data", source.data, "--explain",
         "--out", tmp_path / "out", *typed],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = " ".join(again.stdout.split())
    assert "Nothing changed since" in said
    assert "Latency on this machine:" in said
    assert "Widths for local" in said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert all(row["units_after"] == row["units_before"] for row in report["budget"]["rows"])
    assert report["budget"]["deployed"]["predicted"]["latency_ms"] > 0
    assert report["budget"]["deployed"]["low"] <= report["budget"]["deployed"]["measured"]["latency_ms"]


@pytest.mark.heavy
def test_an_impossible_budget_leaves_the_previous_output_and_the_second_one_is_not_profiled_again(
    source, tmp_path, own_cache, monkeypatch
):
    shutil.copytree(GOLDEN, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(VerificationError, match=r"cannot be met on local: the best .* What holds it back: "):
        edgeprune.build(source.model, source.data, out=tmp_path / "out", max_latency="1ns", **SETTINGS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert len(list((own_cache / "profiles").iterdir())) == 1
    measured, whole = [], measuring._in_turn

    def counted(session, baseline, files, options):
        measured.extend(files)
        return whole(session, baseline, files, options)

    monkeypatch.setattr(measuring, "_in_turn", counted)
    with pytest.raises(VerificationError, match="cannot be met"):
        edgeprune.build(source.model, source.data, out=tmp_path / "out", max_latency="2ns", **SETTINGS)
    # Plans for the new budget may be; the twelve candidates of the profile are not.
    assert len(measured) <= 3


@pytest.mark.heavy
def test_a_device_that_leaves_after_the_training_costs_one_measurement(source, tmp_path, monkeypatch):
    from edgeprune.budget.measurement import BudgetMeasurement

    whole, calls = BudgetMeasurement.measure, []

    def cable_pulled(self, *arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise DeviceError("The connection to local was lost.")
        return whole(self, *arguments)

    monkeypatch.setattr(BudgetMeasurement, "measure", cable_pulled)
    settings = {**SETTINGS, "max_latency": "1s", "device": "local"}
    with pytest.raises(DeviceError, match=r"lost.*the same command continues"):
        edgeprune.build(source.model, source.data, out=tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()
    stages = []
    bundle = edgeprune.build(
        source.model, source.data, out=tmp_path / "out", progress=lambda name, _: stages.append(name),
        **settings,
    )
    assert len(calls) == 3
    assert not {"profile", "fit"} & set(stages)
    assert report_of(bundle)["budget"]["deployed"]["inside"]


@pytest.mark.heavy
def test_a_file_that_took_more_than_the_model_before_training_is_narrowed(source, tmp_path, monkeypatch):
    """As where quantization has to leave layers in float."""
    import dataclasses

    from edgeprune.budget.measurement import BudgetMeasurement

    whole, sizes = BudgetMeasurement.measure, []

    def larger_once(self, *arguments):
        found = whole(self, *arguments)
        sizes.append(found.measured["size_bytes"])
        if len(sizes) == 2:
            return dataclasses.replace(found, measured={"size_bytes": 18_000.0}, inside=False)
        return found

    monkeypatch.setattr(BudgetMeasurement, "measure", larger_once)
    bundle = edgeprune.build(source.model, source.data, out=tmp_path / "out", max_size="16kB", **SETTINGS)
    assert len(sizes) == 4
    assert sizes[2] < sizes[0] * 16 / 18 * 1.05
    assert any("narrowed and trained again" in note for note in report_of(bundle)["notes"])


def test_a_device_that_is_not_there_is_said_before_anything_is_done(source, tmp_path):
    stages = []
    with pytest.raises(DeviceError, match="nobody@127"):
        edgeprune.build(
            source.model, source.data, out=tmp_path / "out", max_latency="5ms",
            device="ssh://nobody@127.0.0.1:1", progress=lambda name, _: stages.append(name),
        )  # fmt: skip
    assert set(stages) <= {"open"}


@pytest.mark.heavy
@pytest.mark.alone
def test_the_fastest_model_that_keeps_the_accuracy(tmp_path):
    """Of a network that spends its time in its channels: a few microseconds would be overhead and noise."""
    import tf_keras

    train, test = stripes(320, 0), stripes(120, 2)
    large = [np.kron(part.x, np.ones((1, 4, 4, 1))).astype(np.float32) / 255 for part in (train, test)]
    np.savez(tmp_path / "data.npz", x_train=large[0], y_train=train.y, x_test=large[1], y_test=test.y)
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    network = tf_keras.Sequential([
        layers.Input((32, 32, 1)), layers.Conv2D(24, 3, activation="relu"),
        layers.Conv2D(48, 3, activation="relu"), layers.MaxPooling2D(4), layers.Flatten(),
        layers.Dense(4, activation="softmax"),
    ])
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(large[0], train.y, epochs=4, batch_size=32, verbose=0)
    bundle = edgeprune.build(
        network, str(tmp_path / "data.npz"), out=tmp_path / "out", max_drop=20.0, device="local", **SETTINGS
    )
    report = report_of(bundle)
    held = [trial for trial in report["search"] if trial["holds"]]
    assert held
    baseline = report["budget"]["baseline"]["latency_ms"]
    assert report["budget"]["limits"]["latency_ms"] == pytest.approx(
        baseline * (1 - max(trial["ratio"] for trial in held)), rel=0.2
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_latency": "5"}, "has no unit"),
        ({"max_size": "5ms"}, "unit 'ms'"),
        ({"max_macs": "5 apples"}, "apples"),
        ({"max_macs": -1}, "max-macs"),
        ({"device": "local"}, "without a limit"),
        ({"max_latency": "5ms", "schedule": "iterative"}, "--schedule iterative cannot go with a budget"),
        ({"max_size": "1kB", "method": "hybrid"}, "--method hybrid cannot go with a budget"),
        ({"max_size": "1kB", "folds": 3}, "--folds 3 cannot go with a budget"),
        ({"max_size": 7}, "has no unit|a text"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        recipe(**settings)


def test_limits_as_people_write_them():
    found = recipe(
        max_latency="500us", max_memory="64MiB", max_size="200kB", max_macs=5_000_000, device="local"
    )
    assert found.budget.limits() == {
        "latency_ms": 0.5, "memory_bytes": 64 * 2**20, "size_bytes": 200_000, "macs": 5e6,
    }
    assert found.budget.limited
    assert not recipe().budget.limited
