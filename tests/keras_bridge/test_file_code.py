"""Files that name code of their own choice are refused, and nothing they name is imported or run."""

import importlib
import itertools
import json
import sys
import zipfile

import h5py
import numpy as np
import pytest

import edgeprune
from edgeprune.cli import app
from edgeprune.errors import InputError
from edgeprune.keras_bridge.file_operators import foreign_operator, operators_of_code
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
    "unknown": {"class_name": "TFOpLambda", "config": {"name": "w", "function": "made_up_later"}},
    "dataset": {"class_name": "TFOpLambda", "config": {"name": "w", "function": "data.TextLineDataset"}},
    "session": {"class_name": "TFOpLambda", "config": {"name": "w", "function": "keras.backend.function"}},
    "another node": {"class_name": "TensorFlowOpLayer", "config": {"node_def": '{"op": "Made"}'}},
    "no node": {"class_name": "TensorFlowOpLayer", "config": {"name": "w", "node_def": "\x12"}},
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


def test_operators_that_compute_pass_and_all_others_do_not():
    node_def = importlib.import_module("tensorflow.core.framework.node_def_pb2").NodeDef
    for name in ("AddV2", "MatMul", "Conv2D", "ResizeBilinear", "While", "TensorListReserve"):
        for text in (node_def(op=name).SerializeToString().decode(), json.dumps({"op": name})):
            assert foreign_operator(text) == ""
    others = (
        "ReadFile", "WriteFile", "SaveV2", "RestoreV2", "PyFunc", "TextLineDatasetV2", "TensorDataset",
        "RemoteCall", "Abort", "PrintV2", "DebugIdentityV2", "LoadAndRemapMatrix", "NotMade",
        "InitializeTableFromTextFileV2",
        "FixedUnigramCandidateSampler", "CreateSummaryFileWriter", "Send", "FileSystemSetConfiguration", "",
    )
    for name in others:
        assert foreign_operator(node_def(op=name).SerializeToString().decode())


def _graph(function, *, calls="", of_a_layer=False, op="SaveV2"):
    """A SavedModel with a function that saves, which another one calls, or a layer."""
    saved_model = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    graph = saved_model.meta_graphs.add()
    made = graph.graph_def.library.function.add()
    made.signature.name = function
    made.node_def.add(op=op)
    other = graph.graph_def.library.function.add()
    other.signature.name = "__inference_call_1"
    node = other.node_def.add(op="PartitionedCall")
    node.attr["f"].func.name = calls
    if of_a_layer:
        graph.object_graph_def.concrete_functions[function].SetInParent()
    return saved_model.SerializeToString()


def test_only_its_saver_writes_the_files_of_a_saved_model():
    saver = "__inference__traced_save_12"
    assert list(operators_of_code(_graph(saver))) == []
    assert "SaveV2" in next(operators_of_code(_graph("__inference_call_12")))
    assert saver in next(operators_of_code(_graph(saver, calls=saver)))
    assert saver in next(operators_of_code(_graph(saver, of_a_layer=True)))
    assert "WriteFile" in next(operators_of_code(_graph(saver, op="WriteFile")))
    assert "cannot be read" in next(operators_of_code(b"\xff" * 40))


@pytest.mark.heavy
def test_ordinary_saved_models_load(tmp_path):
    k = importlib.import_module("tf_keras")
    image = k.Sequential([
        k.Input((8, 8, 3)), k.layers.RandomFlip(), k.layers.Conv2D(4, 3), k.layers.BatchNormalization(),
        k.layers.SpatialDropout2D(0.1), k.layers.UpSampling2D(interpolation="bilinear"), k.layers.Flatten(),
        k.layers.Dense(2, "softmax"),
    ])
    image.compile("adam", "sparse_categorical_crossentropy")
    words = k.Sequential([
        k.Input((6,)), k.layers.Embedding(9, 4, mask_zero=True), k.layers.Bidirectional(k.layers.LSTM(3)),
        k.layers.Dense(1),
    ])
    words.compile(k.optimizers.AdamW(), "mse")
    for name, model in (("image", image), ("words", words)):
        model.save(tmp_path / name, save_format="tf")
        assert load_model(tmp_path / name).count_params() == model.count_params()


def _with_lambda(k, folder):
    path = folder / "code.h5"
    k.Sequential([
        k.Input((4,)), k.layers.Dense(6), k.layers.Dense(8), k.layers.Lambda(lambda x: x * 2),
        k.layers.Dense(2),
    ]).save(path)
    return path


@pytest.mark.heavy
def test_every_way_into_a_file_has_the_switch(tmp_path):
    """Code in a file does not run unasked, whichever call or command opens it; asked for, it runs."""
    k = importlib.import_module("tf_keras")
    path = _with_lambda(k, tmp_path)
    np.savez(tmp_path / "data.npz", x=np.zeros((40, 4), np.float32), y=np.arange(40) % 2)
    commands = {
        "inspect": ["inspect", str(path)],
        "shrink": ["shrink", str(path), "--out", str(tmp_path / "small.keras")],
        "build": ["build", str(path), "--data", str(tmp_path / "data.npz"), "--out", str(tmp_path / "out")],
    }
    for arguments in commands.values():
        with pytest.raises(InputError, match=r"is Python code.*--trust-model"):
            app(arguments, standalone_mode=False)
    app([*commands["inspect"], "--trust-model"], standalone_mode=False)
    app([*commands["shrink"], "--trust-model"], standalone_mode=False)
    assert (tmp_path / "small.keras").exists()
    for call in (edgeprune.prune, edgeprune.shrink):
        with pytest.raises(InputError, match="--trust-model"):
            call(path)
        assert call(path, trust_model=True).model.output_shape == (None, 2)


@pytest.mark.heavy
def test_a_search_has_the_switch(tmp_path):
    k = importlib.import_module("tf_keras")
    pytest.importorskip("optuna")
    path = _with_lambda(k, tmp_path)
    x = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=x[:, :2])
    arguments = ["search", str(path), "--data", str(tmp_path / "data.npz"), "--out", str(tmp_path / "out"),
                 "--trials", "1", "--vary", "prune=0.5", "--objective", "size", "--quiet"]
    with pytest.raises(InputError, match="--trust-model"):
        app(arguments, standalone_mode=False)


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
