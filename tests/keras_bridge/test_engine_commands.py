"""`edgeprune inspect` and `edgeprune shrink`, from a file to what they print."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edgeprune.cli.inspect import inspect
from edgeprune.cli.shrink import shrink
from edgeprune.errors import InputError
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
    assert refusal["reason"] == "is an output of the model"
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
    assert found["removals"] == [{"group": "conv", "reason": "constant", "channels": 1}]
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    small = load_model(found["model"])
    assert small.get_layer("conv").filters == 7
    np.testing.assert_allclose(small(x), load_model(path)(x), rtol=0, atol=1e-4)


def test_shrink_proves_it_on_given_samples(tmp_path):
    path = _saved(tmp_path)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype("float32"))
    out, given = str(tmp_path / "small.keras"), str(tmp_path / "x.npy")
    found = json.loads(_output(shrink, path, "--out", out, "--samples", given, "--json"))
    assert found["equivalence"]["samples"] == 8 + 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--out", "small.h5"), "does not end in .keras"), (("--samples", "nothing.npy"), "holds no samples")],
)
def test_shrink_refuses_before_it_loads(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        _output(shrink, "there-is-none.keras", *arguments)


def test_a_layer_of_the_user_own_is_named_and_taught(tmp_path, monkeypatch):
    """As the user meets it: a barrier, named with its way out, and with a rule no barrier any more.

    A layer that calls TensorFlow's raw operations cannot be opened in Keras 3.
    """
    (tmp_path / "scaled_layers.py").write_text(
        "import keras\nimport tensorflow as tf\nclass Scaled(keras.layers.Layer):\n"
        "    def call(self, x):\n        return tf.raw_ops.Mul(x=x, y=2.0)\n"
    )
    (tmp_path / "scaled_rules.py").write_text(
        "import edgeprune\nfrom edgeprune.layers.activation import ElementwiseRule\n"
        "from scaled_layers import Scaled\nedgeprune.register_rule('Scaled', ElementwiseRule())\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import keras
    from scaled_layers import Scaled

    inputs = keras.Input((4,))
    x = Scaled(name="mine")(keras.layers.Dense(8, name="before")(inputs))
    keras.Model(inputs, keras.layers.Dense(3, name="out")(x)).save("model.keras")
    found = json.loads(_output(inspect, "model.keras", "--custom-objects", "scaled_layers", "--json"))
    refusal = next(one for one in found["refusals"] if one["layer"] == "before")
    assert (refusal["because_of"], refusal["neurons"]) == ("mine", 8)
    assert "register_rule" in refusal["reason"]
    found = json.loads(_output(inspect, "model.keras", "--custom-objects", "scaled_rules", "--json"))
    assert [group["name"] for group in found["groups"]] == ["before"]
