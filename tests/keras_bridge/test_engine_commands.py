"""`edgeprune inspect` and `edgeprune shrink`, from a file to what they print."""

import json

import numpy as np
import typer
from typer.testing import CliRunner

from edgeprune.cli.inspect import inspect
from edgeprune.cli.shrink import shrink
from edgeprune.keras_bridge.load import load_model
from tests.layers.pruned import with_weights


def _saved(folder):
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.Flatten(name="flat")(x)
    model = with_weights(keras.Model(inputs, keras.layers.Dense(4, name="out")(x)), seed=3)
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 2], bias[2] = 0, -1
    model.get_layer("conv").set_weights([kernel, bias])
    model.save(folder / "model.keras")
    return str(folder / "model.keras")


def _output(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_inspect_as_json(tmp_path):
    found = json.loads(_output(inspect, _saved(tmp_path), "--json"))
    assert found["groups"] == [{"name": "conv", "neurons": 8, "producers": ["conv"]}]
    (refusal,) = found["refusals"]
    assert (refusal["layer"], refusal["neurons"]) == ("out", 4)
    assert refusal["reason"] == "is what the model returns"
    conv = next(layer for layer in found["layers"] if layer["name"] == "conv")
    assert conv == {"name": "conv", "kind": "Conv2D", "params": 224, "macs": 36 * 216}
    assert found["params"] == 224 + 36 * 8 * 4 + 4


def test_inspect_as_table(tmp_path):
    text = _output(inspect, _saved(tmp_path))
    assert "8 prunable neurons" in text
    assert "conv" in text


def test_shrink_as_json(tmp_path):
    path = _saved(tmp_path)
    found = json.loads(_output(shrink, path, "--out", str(tmp_path / "small.keras"), "--json"))
    assert found["removals"] == [{"group": "conv", "reason": "constant", "units": 1}]
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    small = load_model(found["model"])
    assert small.get_layer("conv").filters == 7
    np.testing.assert_allclose(small(x), load_model(path)(x), rtol=0, atol=1e-4)
