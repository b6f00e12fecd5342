"""What an app team does with edgeprune, from an untouched folder: recipe, build, gate, app."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.pipeline.test_build import stripes

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("app_team")]

RECIPE = """
model = "model.keras"
data = "samples.npz"
out = "bundle"
prune = 0.5
epochs = 2
calibration = 128

[limits]
max_size = "60kB"
max_drop = 3.0
min_accuracy = 0.9
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import tf_keras

    folder = tmp_path_factory.mktemp("app")
    train, test = stripes(400, 0), stripes(200, 2)
    scaled = [part.x.astype(np.float32) / 255 for part in (train, test)]
    np.savez(folder / "samples.npz", x_train=scaled[0], y_train=train.y, x_test=scaled[1], y_test=test.y)
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    network = tf_keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Flatten(), layers.Dense(24, activation="relu"), layers.Dense(4, activation="softmax"),
    ], name="stripes")
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(scaled[0], train.y, epochs=8, batch_size=32, verbose=0)
    network.save(folder / "model.keras")
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))

    def run(*arguments, cwd=folder):
        return subprocess.run(
            [sys.executable, "-m", "edgeprune", *map(str, arguments)], cwd=cwd, check=False,
            capture_output=True, text=True, env={**os.environ, "XDG_CACHE_HOME": cache},
        )

    return run


@pytest.fixture(scope="module")
def built(run, folder):
    done = run("build", "--recipe", "recipe.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["removed"]["neurons"] >= 0.5
    return folder / "bundle"


def test_the_gate_passes(run, built):
    done = run("check", built, "--recipe", "recipe.toml", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rebuild_without_changes_takes_no_time(run, built):
    before = (built / "manifest.json").stat().st_mtime_ns
    start = time.perf_counter()
    done = run("build", "--recipe", "recipe.toml")
    seconds = time.perf_counter() - start
    assert done.returncode == 0
    assert "Nothing changed" in done.stdout
    assert (built / "manifest.json").stat().st_mtime_ns == before
    # A second is the promise; the test allows for a busy machine. TensorFlow's import alone takes more.
    assert seconds < 3


def test_another_folder_gives_the_same_bytes(run, folder, built, tmp_path):
    for name in ("model.keras", "samples.npz", "recipe.toml"):
        shutil.copy(folder / name, tmp_path / name)
    done = run("build", "--recipe", "recipe.toml", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("model.tflite", "eval.npz", "labels.txt"):
        assert (tmp_path / "bundle" / name).read_bytes() == (built / name).read_bytes()


def test_a_weight_destroying_option_fails_the_gate(run, folder, built, tmp_path):
    worse = 'prune = 0.995\nmethod = "weight"\nlearning_rate = 0.0'
    text = RECIPE.replace("prune = 0.5", worse)
    (folder / "worse.toml").write_text(text)
    done = run("build", "--recipe", "worse.toml", "--out", tmp_path / "worse", "--quiet")
    assert done.returncode == 0, done.stderr
    done = run("check", tmp_path / "worse", "--recipe", "worse.toml", "--against", built)
    assert done.returncode == 1
    assert "accuracy" in (done.stdout + done.stderr).lower()


def test_the_app_takes_it_in(run, built, tmp_path):
    done = run("export", built, "--android", tmp_path / "android", "--cmake", tmp_path / "cmake")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "android").rglob("*.kt"))
    if not (shutil.which("cmake") and shutil.which("g++")):
        pytest.skip("no C++ compiler here")
    build = tmp_path / "compiled"
    import ai_edge_litert

    library = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
    subprocess.run(
        ["cmake", "-S", tmp_path / "cmake", "-B", build, f"-DLITERT_LIBRARY={library}"],
        check=True, capture_output=True,
    )
    subprocess.run(["cmake", "--build", build], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["model.tflite", "model.keras", "report.json", "eval.npz", "labels.txt"])
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_damaged_bundle_is_refused(run, built, tmp_path, name, how):
    copy = Path(shutil.copytree(built, tmp_path / "copy"))
    content = (copy / name).read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    (copy / name).write_bytes(content[:middle] if how == "cut" else flipped)
    done = run("check", copy, "--verify")
    assert done.returncode in (1, 2)
    assert name in done.stderr + done.stdout
