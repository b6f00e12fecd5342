"""An interrupted build goes on where it stopped, and ends with the very same file."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgeprune.bundle import read_bundle
from edgeprune.pipeline import build as pipeline
from edgeprune.recipe import recipe
from tests.pipeline.test_build import stripes

SETTINGS = {"calibration": 96, "epochs": 2, "gradual_epochs": 1, "batch_size": 32}


@pytest.fixture(scope="module", params=["tf_keras", "keras"])
def source(request, tmp_path_factory):
    """Files of a model that is random in training, which is what makes going on hard."""
    keras = pytest.importorskip(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    train, test = stripes(320, 0), stripes(120, 2)
    scaled = [part.x.astype(np.float32) / 255 for part in (train, test)]
    np.savez(folder / "data.npz", x_train=scaled[0], y_train=train.y, x_test=scaled[1], y_test=test.y)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.3),
        layers.Dense(24, activation="relu"), layers.Dense(4, activation="softmax"),
    ], name="stripes")
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(scaled[0], train.y, epochs=1, batch_size=32, verbose=0)
    network.save(folder / "model.keras")
    return pipeline.Source(folder / "model.keras", str(folder / "data.npz"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/edgeprune/builds"


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """The folder of a build that nothing interrupted."""
    folder = tmp_path_factory.mktemp("unbroken") / "out"
    pipeline.run(source, recipe(**SETTINGS), folder)
    return folder


@pytest.fixture(scope="module")
def unbroken(built):
    return content(read_bundle(built))


def content(bundle):
    report = json.loads(bundle.file("report.json").read_text())
    metrics = {name: stage["metrics"] for name, stage in report["stages"].items()}
    return bundle.model.read_bytes(), metrics, report["training"]


class Stop:
    """Interrupts the build at its n-th progress in a stage."""

    def __init__(self, stage, at):
        self.stage, self.at = stage, at

    def __call__(self, stage, done):
        if stage == self.stage and done >= self.at:
            raise KeyboardInterrupt


INTERRUPTIONS = [("prune", 0.5), ("fine_tune", 0.2), ("fine_tune", 0.7), ("convert", 0.5), ("measure", 0)]


@pytest.mark.heavy
def test_a_build_that_is_interrupted_again_and_again_ends_the_same(source, unbroken, own_cache, tmp_path):
    for stage, at in INTERRUPTIONS:
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(source, recipe(**SETTINGS), tmp_path / "out", progress=Stop(stage, at))
        assert not (tmp_path / "out").exists()
    done = pipeline.run(source, recipe(**SETTINGS), tmp_path / "out")
    assert content(done.bundle) == unbroken
    assert not list(own_cache.glob("*"))


@pytest.mark.heavy
@pytest.mark.parametrize(("stage", "at"), INTERRUPTIONS)
def test_an_interrupted_build_ends_the_same(source, unbroken, own_cache, tmp_path, stage, at):
    with pytest.raises(KeyboardInterrupt) as stopped:
        pipeline.run(source, recipe(**SETTINGS), tmp_path / "out", progress=Stop(stage, at))
    assert not (tmp_path / "out").exists()
    kept = any(own_cache.glob("*/*"))
    assert ("the same command continues" in str(stopped.value)) == kept
    told = []
    done = pipeline.run(source, recipe(**SETTINGS), tmp_path / "out", announce=told.extend)
    stages = any(one.subject == "resumed" for one in told)
    assert stages == (stage != "prune")  # the first stage that is kept
    assert content(done.bundle) == unbroken
    assert not list(own_cache.glob("*"))


@pytest.mark.heavy
def test_no_resume_starts_over(source, own_cache, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(source, recipe(**SETTINGS), tmp_path / "out", progress=Stop("convert", 0))
    assert list(own_cache.glob("*/prune"))
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(
            source, recipe(**SETTINGS), tmp_path / "out", progress=Stop("prune", 0), resume=False
        )
    assert not list(own_cache.glob("*/prune"))


@pytest.mark.heavy
def test_killed_at_five_random_moments(source, unbroken, tmp_path):
    places = [str(source.model), "--data", source.data, "--out", str(tmp_path / "out"), "--quiet"]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    command = [sys.executable, "-m", "edgeprune", "build", *places, *flags]
    generator = np.random.default_rng(3)
    for _ in range(5):
        process = subprocess.Popen(command, start_new_session=True)
        time.sleep(generator.uniform(4, 16))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*command, "--resume"], check=True)
    assert content(read_bundle(Path(tmp_path / "out"))) == unbroken


def test_nothing_changed_is_nothing_done(source, built, tmp_path):
    out = shutil.copytree(built, tmp_path / "out")
    before = (out / "manifest.json").stat().st_mtime_ns
    code = (
        "import sys, time; start = time.perf_counter()\n"
        "from edgeprune.pipeline import build as pipeline; from edgeprune.recipe import recipe\n"
        "import json; source = pipeline.Source(*sys.argv[1:3])\n"
        "done = pipeline.run(source, recipe(**json.loads(sys.argv[4])), sys.argv[3])\n"
        "assert done.unchanged; assert 'tensorflow' not in sys.modules"
    )
    places = [str(source.model), source.data, str(out), json.dumps(SETTINGS)]
    subprocess.run([sys.executable, "-c", code, *places], check=True)
    assert (out / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["another recipe", "a damaged bundle"])
def test_what_changed_is_built_again(source, built, tmp_path, change):
    out = shutil.copytree(built, tmp_path / "out")
    settings = SETTINGS | ({"seed": 1} if change == "another recipe" else {})
    if change == "a damaged bundle":
        (out / "model.tflite").write_bytes(b"")
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(source, recipe(**settings), out, progress=Stop("prune", 0))
