"""Model files of either Keras load, and anything else is refused before code runs."""

import importlib
import pathlib
import zipfile

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.load import load_model, save_model

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "models"


def _model(k, layer=None):
    layers = [k.Input((4,)), k.layers.Dense(3, name="first"), *([layer] if layer else []), k.layers.Dense(2)]
    return k.Sequential(layers)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
def test_files_load_in_the_keras_that_wrote_them(flavour, suffix, tmp_path):
    model = _model(importlib.import_module(flavour))
    path = tmp_path / f"model{suffix}"
    model.save(path)
    again = load_model(path)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_allclose(again(x), model(x), rtol=0, atol=1e-6)
    if suffix == ".keras":
        assert is_keras3(again) == (flavour == "keras")
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_saved_model_of_keras_2(tmp_path):
    model = _model(importlib.import_module("tf_keras"))
    model.save(tmp_path / "saved", save_format="tf")
    again = load_model(tmp_path / "saved")
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_allclose(again(x), model(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_in_a_file_is_refused(flavour, suffix, tmp_path):
    k = importlib.import_module(flavour)
    path = tmp_path / f"model{suffix}"
    _model(k, k.layers.Lambda(lambda x: x * 2, name="code")).save(path)
    with pytest.raises(InputError, match=r"'code'.*is a Lambda.*--trust-model"):
        load_model(path)


def test_trusted_code_loads(tmp_path):
    k = importlib.import_module("tf_keras")
    path = tmp_path / "model.h5"
    model = _model(k, k.layers.Lambda(lambda x: x * 2))
    model.save(path)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_allclose(load_model(path, trust=True)(x), model(x), rtol=0, atol=1e-6)


def _text(path):
    path.write_text("no model")


def _archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


def _cut_archive(path):
    _model(importlib.import_module("keras")).save(path)
    path.write_bytes(path.read_bytes()[:400])


def _tflite(path):
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(20))


def _weights(path):
    import h5py

    with h5py.File(path, "w") as file:
        file.create_group("model_weights")


def _cut_h5(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(30))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.parent, "There is no file"),
        (lambda path: path.mkdir(), "without saved_model.pb"),
        (_text, "is not a model file"),
        (_archive, "not an intact .keras file"),
        (_cut_archive, "not an intact .keras file"),
        (_tflite, "is a .tflite file"),
        (_weights, "weights without a model"),
        (_cut_h5, "not an intact HDF5 file"),
    ],
)
def test_anything_else_is_refused(make, message, tmp_path):
    path = tmp_path / "model.keras"
    make(path)
    with pytest.raises(InputError, match=message):
        load_model(path)


def _own_code(keras, kind):
    """A layer that needs code of the user's own, and the name by which it is told."""
    def bend(x):
        return x

    register = keras.saving.register_keras_serializable("mine")
    here = {"__module__": "__main__"}  # of a notebook or script, where most classes are written
    if kind == "layer":
        return type("Mystery", (keras.layers.Layer,), {"__module__": "nowhere"})(), "Mystery"
    if kind == "registered layer":
        return register(type("Mystery", (keras.layers.Layer,), here))(), "mine>Mystery"
    if kind == "registered regularizer":
        calm = type("Calm", (keras.regularizers.L2,), here)
        return keras.layers.Dense(3, kernel_regularizer=register(calm)()), "mine>Calm"
    if kind == "registered function":
        return keras.layers.Dense(3, activation=register(bend)), "mine>bend"
    return keras.layers.Dense(3, activation=bend), "bend"


@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
@pytest.mark.parametrize("kind", [
    "layer", "registered layer", "registered regularizer", "registered function", "function",
])
def test_code_of_the_users_own_is_named_with_the_way_out(flavour, kind, tmp_path):
    keras = importlib.import_module(flavour)
    registered = keras.utils.get_custom_objects()
    before = dict(registered)
    layer, name = _own_code(keras, kind)
    path = tmp_path / "model.keras"
    _model(keras, layer).save(path)
    for new in registered.keys() - before.keys():  # as in a process that never saw the code
        del registered[new]
    with pytest.raises(InputError, match=rf"'{name}'.*--custom-objects") as caught:
        load_model(path)
    assert "class_name" not in str(caught.value)
    assert "deserialized" not in str(caught.value)


def test_unknown_layer_of_hdf5_names_the_way_out(tmp_path):
    k = importlib.import_module("tf_keras")
    custom = type("Mystery", (k.layers.Layer,), {"__module__": "nowhere"})
    _model(k, custom()).save(tmp_path / "model.h5")
    with pytest.raises(InputError, match=r"Mystery.*--custom-objects"):
        load_model(tmp_path / "model.h5")


def test_saving_elsewhere_is_refused(tmp_path):
    model = _model(importlib.import_module("keras"))
    with pytest.raises(InputError, match=r"does not end in .keras"):
        save_model(model, tmp_path / "model.h5")
    with pytest.raises(InputError, match="There is no folder"):
        save_model(model, tmp_path / "none" / "model.keras")


@pytest.mark.parametrize("name", ["pretrainedResnet.h5", "fer2013_mini_XCEPTION.102-0.66.hdf5"])
def test_real_files(name):
    if not (SHARED / name).exists():
        pytest.skip(f"{SHARED / name} is not there")
    assert load_model(SHARED / name).count_params() > 10_000
