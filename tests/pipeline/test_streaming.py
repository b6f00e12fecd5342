"""`--streaming` writes a second file that computes step by step what model.keras computes of samples."""

import dataclasses
import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.bundle import read_bundle
from edgeprune.conversion.streaming_run import run_streaming
from edgeprune.errors import InputError
from edgeprune.keras_bridge.load import load_model
from edgeprune.pipeline.artifacts import DeployedModel
from edgeprune.pipeline.store import ArtifactStore

SETTINGS = {"epochs": 1, "gradual_epochs": 0, "least_steps": 0, "streaming": True, "quantize": "none"}


def tone_data(count=240):
    """Rising and falling tones (N, 16, 8), told apart by their direction."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, count)
    place = np.where(y[:, None] == 1, np.arange(16), np.arange(16)[::-1]) / 2
    x = np.exp(-(np.arange(8) - place[..., None]) ** 2) + rng.normal(0, 0.1, (count, 16, 8))
    return x.astype(np.float32), y


def model_of(keras, read):
    keras.utils.set_random_seed(0)
    frames = keras.Input((16, 8))
    scores = keras.layers.Dense(2, activation="softmax")(read(keras.layers, frames))
    model = keras.Model(frames, scores)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*tone_data(), epochs=6, verbose=0)
    return model


@pytest.mark.heavy
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
def test_a_build_writes_a_file_that_runs_step_by_step(flavour, tmp_path, monkeypatch):
    keras = pytest.importorskip(flavour)
    kept = []
    original = ArtifactStore.keep
    monkeypatch.setattr(
        ArtifactStore, "keep", lambda self, name, one: (kept.append(one), original(self, name, one))[1]
    )

    def read(layers, x):
        x = layers.Conv1D(16, 3, padding="causal", activation="relu")(x)
        return layers.GlobalAveragePooling1D()(layers.GRU(16, return_sequences=True)(x))

    model, data = model_of(keras, read), tone_data()
    bundle = edgeprune.build(model, data, out=tmp_path / "out", **SETTINGS)
    x = data[0][:5]
    whole = load_model(bundle.file("model.keras")).predict(x, verbose=0)
    file = bundle.file("streaming.tflite").read_bytes()
    (found,) = run_streaming(file, x, np.ones((5, 16), bool), [np.zeros_like(whole)])
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-5)
    info = read_bundle(bundle).manifest.one_step
    assert info.inputs[0].shape == (1, 1, 8)
    assert [one.shape for one in info.inputs[1:]] == [one.shape for one in info.outputs[1:]]
    # The app's own code hands the states on.
    edgeprune.export(bundle, python=tmp_path / "app", name=f"tones_{flavour}")
    monkeypatch.syspath_prepend(str(tmp_path / "app"))
    stream = importlib.import_module(f"tones_{flavour}.streaming").Stream()
    for sample, expected in zip(x, whole, strict=True):
        stream.reset()
        (*_, last) = [stream.step(one) for one in sample]
        np.testing.assert_allclose(last[0], expected, rtol=0, atol=1e-5)
    assert any("streaming.tflite" in note for note in edgeprune.read_report(bundle).notes)
    # An interrupted build goes on with it.
    (deployed,) = [one for one in kept if isinstance(one, DeployedModel)]
    store = ArtifactStore(tmp_path / "store", load_model)
    store.keep("deployed", deployed)
    assert store.load("deployed", DeployedModel).streaming == file
    older = dataclasses.replace(deployed, streaming=None)
    store.keep("deployed", older)
    assert store.load("deployed", DeployedModel).streaming is None


@pytest.mark.heavy
def test_a_model_that_needs_later_steps_is_refused_before_training(tmp_path):
    import keras

    model = model_of(keras, lambda layers, x: layers.Bidirectional(layers.GRU(4))(x))
    with pytest.raises(InputError, match=r"of class Bidirectional reads the steps backwards"):
        edgeprune.build(model, tone_data(), out=tmp_path / "out", **SETTINGS)
    assert not (tmp_path / "out").exists()


@pytest.mark.heavy
def test_a_model_of_the_zoo_is_refused_before_it_is_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # where nothing was trained
    heard = []
    with pytest.raises(InputError, match="of class Bidirectional"):
        edgeprune.build(
            "zoo:text-bilstm", out=tmp_path / "out", streaming=True,
            progress=lambda stage, fraction: heard.append((stage, fraction)),
        )
    assert {fraction for stage, fraction in heard if stage == "train"} <= {0.0}
