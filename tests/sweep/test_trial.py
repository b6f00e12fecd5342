"""One real build as a trial: what its figures are of, when it is given up, and what is trained once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgeprune.conversion import run_tflite
from edgeprune.data.sources import open_data
from edgeprune.progress import Interim
from edgeprune.sweep import Sweep
from edgeprune.sweep.trial import BASELINE, CHECK, Assignment, Outcome, run_here
from edgeprune.sweep.trial_pruner import ReferenceTrial
from tests.sweep import builds

SETTINGS = {**builds.FIXED, "prune": 0.8, "criterion": "l2", "quantize": "dynamic"}


@pytest.fixture(scope="module")
def what(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return builds.make(tmp_path_factory.mktemp("files"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build(assignment: Assignment) -> tuple[Outcome, list[str]]:
    stages: list[str] = []
    return run_here(assignment, lambda stage, _done: stages.append(stage)), stages


@pytest.mark.heavy
def test_validation_data_decides_and_test_data_is_only_reported(what: Sweep, tmp_path: Path) -> None:
    assignment = Assignment(0, SETTINGS, str(tmp_path / "out"), what.model, what.data)
    found, _ = build(assignment)
    assert not found.error
    data = open_data(what.data, seed=0)
    model = (tmp_path / "out" / "model.tflite").read_bytes()
    for name, split in (("accuracy", data.validation), ("test", data.test)):
        answers = np.argmax(run_tflite(model, (np.asarray(split.x, np.float32),)), -1)
        assert found.figures[name] == pytest.approx(np.mean(answers == split.y), abs=1e-12)
    assert found.figures["accuracy"] != found.figures["test"]
    assert found.figures["size"] == len(model)
    assert found.metric == "accuracy"
    assert [one.epoch for one in found.curve] == [0]


def test_a_hopeless_trial_ends_before_it_is_converted_and_leaves_nothing(
    what: Sweep, tmp_path: Path, cache: Path
) -> None:
    reference = ReferenceTrial(3, (Interim(0, 1.0, 100, 1, 1),))
    settings = {**SETTINGS, "prune": 0.92}
    assignment = Assignment(
        0, settings, str(tmp_path / "out"), what.model, what.data, references=(reference,)
    )
    found, stages = build(assignment)
    assert found.stopped
    assert "trial 3 had 100.0 %" in found.error
    assert "convert" not in stages
    assert not (tmp_path / "out").exists()
    assert not list((cache / "edgeprune" / "builds").glob("*"))


def test_what_does_not_fit_is_an_outcome_not_a_crash(what: Sweep, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros((40, 5), np.float32), y=np.arange(40) % 4)
    wrong = Assignment(CHECK, builds.FIXED, str(tmp_path / "out"), what.model, str(tmp_path / "other.npz"))
    found, _ = build(wrong)
    assert found.bad_input
    assert "shape" in found.error


@pytest.mark.heavy
def test_the_zoo_s_model_is_trained_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 6)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    settings = {**SETTINGS, "task": "tabular"}
    check = Assignment(CHECK, settings, str(tmp_path / "baseline"), "zoo:mlp", str(tmp_path / "rows.npz"))
    found, stages = build(check)
    assert not found.error
    assert "train" in stages
    trained = tmp_path / "baseline" / BASELINE
    again = dataclasses.replace(check, number=0, out=str(tmp_path / "out"), trained=str(trained))
    found, stages = build(again)
    assert not found.error
    assert "train" not in stages
