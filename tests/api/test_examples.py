"""The examples in the help of public functions run and give what they show."""

from __future__ import annotations

import doctest
import shutil
from pathlib import Path

import numpy as np
import pytest

import edgeprune

GOLDEN = Path(__file__).parents[1] / "device_runners" / "golden" / "bundle_v1"
LIGHT = ("read_bundle", "check", "export")
HEAVY = ("build", "inspect", "shrink", "prune", "bench", "compare", "write_report", "search")


def failures(name: str, **names: object) -> list[str]:
    """What the examples of one function gave, where that is not what they show."""
    function = getattr(edgeprune, name)
    found = doctest.DocTestFinder(recurse=False).find(function, name, globs={"edgeprune": edgeprune, **names})
    told: list[str] = []
    assert sum(len(one.examples) for one in found) > 0, f"{name} has no example"
    for one in found:
        doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(one, out=told.append)
    return told


def test_every_public_function_has_an_example():
    functions = {name for name in edgeprune.__all__ if name.islower() and not name.startswith("_")}
    assert functions == {*LIGHT, *HEAVY, "read_report", "register_rule"}


@pytest.mark.parametrize("name", LIGHT)
def test_examples_about_bundles(name, tmp_path, monkeypatch):
    shutil.copytree(GOLDEN, tmp_path / "build" / "mine")
    monkeypatch.chdir(tmp_path)
    assert failures(name) == []


@pytest.mark.heavy
def test_examples_about_models(tmp_path, monkeypatch):
    import keras

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 600)
    x = random.normal(size=(3, 8, 8, 1))[y] + random.normal(size=(600, 8, 8, 1)) / 2
    model = keras.Sequential([
        keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(32, "relu", name="hidden"),
        keras.layers.Dense(3, "softmax", name="scores"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=8, verbose=0)
    monkeypatch.chdir(tmp_path)
    model.save("mine.keras")
    np.savez("mine.npz", x=x.astype(np.float32), y=y)
    for name in HEAVY:  # in this order: the first one makes the bundle of the others
        assert failures(name, model=model, x=x.astype(np.float32)) == [], name
