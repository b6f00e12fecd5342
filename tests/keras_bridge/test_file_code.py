"""Files that name code of their own choice are refused, and nothing they name is imported or run."""

import importlib
import itertools
import json
import sys
import zipfile

import h5py
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.load import load_model


def _function(module, name):
    return {"class_name": "function", "config": name, "module": module, "registered_name": name}


def _object(module, kind, **config):
    return {"class_name": kind, "config": config, "module": module, "registered_name": None}


CODE = {
    "import": _object("sentinel_of_a_stranger", "Mystery"),
    "function": _function("sentinel_of_a_stranger", "run"),
    "os": _function("os", "system"),
    "dotted": _function("tf_keras.src.layers", "os.system"),
    "download": _function("keras.utils", "get_file"),
    "helpers": _function("tf_keras.src.utils.generic_utils", "func_load"),
    "looks like Keras": _object("keras_stranger", "Dense"),
    "Lambda": _object("keras.layers", "Lambda", name="code"),
    "qualified": {"class_name": "core.Lambda", "config": {"name": "code"}},
    "registered": {"class_name": "Custom>Lambda", "config": {"name": "code"}},
    "lambda value": {"class_name": "__lambda__", "config": {"value": "x"}},
    "SavedModel layer": _object("keras.layers", "TFSMLayer", filepath="elsewhere"),
    "torch": _object("keras.layers", "TorchModuleWrapper", pickled="x"),
    "writes": {"class_name": "TFOpLambda", "config": {"name": "w", "function": "io.write_file"}},
    "raw": {"class_name": "TFOpLambda", "config": {"name": "w", "function": "raw_ops.WriteFile"}},
    "python": {"class_name": "TFOpLambda", "config": {"name": "w", "function": "py_function"}},
    "node": {"class_name": "TensorFlowOpLayer", "config": {"name": "w", "node_def": "\x12\tWriteFile"}},
    "vocabulary": _object("keras.layers", "StringLookup", name="words", vocabulary="/etc/passwd"),
}
PLACES = ("layer", "activation", "loss")


def _config(code, place):
    dense = {"class_name": "Dense", "config": {"name": "first", "units": 2, "activation": "relu"}}
    if place == "activation":
        dense["config"]["activation"] = code
    layers = [code, dense] if place == "layer" else [dense]
    return {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}


def _write(path, code, place):
    config, compiled = _config(code, place), {"loss": code if place == "loss" else "mse", "optimizer": "sgd"}
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config)
            file.attrs["training_config"] = json.dumps(compiled)
        return
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("config.json", json.dumps({**config, "compile_config": compiled}))
        archive.writestr("model.weights.h5", b"")


@pytest.mark.parametrize(
    ("kind", "place", "suffix"), [*itertools.product(CODE, PLACES, (".keras", ".h5"))],
)
def test_a_strangers_code_is_refused_and_not_imported(kind, place, suffix, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    (tmp_path / "sentinel_of_a_stranger.py").write_text(f"open({str(ran)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / f"model{suffix}"
    _write(path, CODE[kind], place)
    with pytest.raises(InputError, match=r"holds code.*--trust-model"):
        load_model(path)
    assert not ran.exists()
    assert "sentinel_of_a_stranger" not in sys.modules


@pytest.mark.heavy
def test_a_saved_model_that_writes_files_is_refused(tmp_path):
    tf = importlib.import_module("tensorflow")
    k = importlib.import_module("tf_keras")

    class Writer(k.layers.Layer):
        def call(self, x):
            tf.io.write_file(str(tmp_path / "ran"), "x")
            return x

    inputs = k.Input((4,))
    k.Model(inputs, Writer()(inputs)).save(tmp_path / "saved", save_format="tf")
    (tmp_path / "ran").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"holds code.*WriteFile"):
        load_model(tmp_path / "saved")
    assert not (tmp_path / "ran").exists()


def test_operations_on_tensors_load(tmp_path):
    tf = importlib.import_module("tensorflow")
    k = importlib.import_module("tf_keras")
    inputs = k.Input((4,))
    k.Model(inputs, tf.nn.relu(tf.reshape(inputs, (-1, 2, 2)) * 2 + 1)[:, 0]).save(tmp_path / "model.h5")
    assert load_model(tmp_path / "model.h5").output_shape == (None, 2)


@pytest.mark.heavy
@pytest.mark.parametrize("version", ["keras", "tf_keras"])
def test_every_family_of_keras_loads(version, tmp_path):
    k = importlib.import_module(version)
    model = k.Sequential([
        k.Input((8, 8, 3)), k.layers.Conv2D(4, 3, kernel_regularizer="l2", kernel_constraint="max_norm"),
        k.layers.BatchNormalization(), k.layers.Activation(k.activations.gelu), k.layers.Flatten(),
        k.layers.Dense(2, kernel_initializer=k.initializers.HeNormal(1)),
    ])
    model.compile(k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.1, 10)), k.losses.Huber(), ["mae"])
    model.save(tmp_path / "model.keras")
    assert load_model(tmp_path / "model.keras").count_params() == model.count_params()
