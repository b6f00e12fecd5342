"""A build of a model of which one output is drawn at random: it is named, and nothing else depends on it."""

import importlib
import json

import numpy as np
import pytest

import edgeprune
from edgeprune.errors import InputError
from tests.keras_bridge.test_drawn import X, decoder_alone, whole_vae


@pytest.mark.heavy
@pytest.mark.parametrize("version", ["keras", "tf_keras"])
def test_build_judges_the_other_outputs(version, tmp_path):
    keras = importlib.import_module(version)
    keras.utils.set_random_seed(0)
    np.savez(tmp_path / "data.npz", x=np.tile(X, (4, 1)))
    edgeprune.build(whole_vae(keras), str(tmp_path / "data.npz"), out=tmp_path / "out", prune=0.5, epochs=1)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    for stage in report["stages"].values():
        assert {name.partition("/")[0] for name in stage["metrics"]} == {"mean", "spread"}
    said = [one for one in report["warnings"] if "'decoded' is random" in one["text"]]
    assert len(said) == 1
    assert report["removed"]["neurons"] >= 0.5


def test_build_of_a_model_that_only_draws_is_refused_before_it_trains(tmp_path):
    np.savez(tmp_path / "data.npz", x=X)
    model = decoder_alone(importlib.import_module("keras"))
    with pytest.raises(InputError, match=r"decoder\(z_mean\)"):
        edgeprune.build(model, str(tmp_path / "data.npz"), out=tmp_path / "out", epochs=1)
