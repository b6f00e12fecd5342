"""Wrappers of the TF Model Optimization toolkit are taken off, in memory and from files."""

import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.keras_bridge.load import load_if_path, load_model

tfmot = pytest.importorskip("tensorflow_model_optimization")
k = importlib.import_module("tf_keras")
pytestmark = pytest.mark.heavy
X = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")


def _base():
    i = k.Input((8, 8, 3))
    h = k.layers.Conv2D(7, 3, name="last_conv")(k.layers.Conv2D(8, 3, activation="relu", name="conv")(i))
    h = k.layers.ReLU()(k.layers.BatchNormalization()(h))
    return k.Model(i, k.layers.Dense(3, activation="softmax")(k.layers.GlobalAveragePooling2D()(h)))


def _pruned(base):
    schedule = tfmot.sparsity.keras.ConstantSparsity(0.5, 0)
    return tfmot.sparsity.keras.prune_low_magnitude(base, pruning_schedule=schedule)


def _clustered(base):
    start = tfmot.clustering.keras.CentroidInitialization.LINEAR
    return tfmot.clustering.keras.cluster_weights(base, number_of_clusters=4, cluster_centroids_init=start)


@pytest.mark.parametrize("wrap", [_pruned, _clustered])
@pytest.mark.parametrize("file", ["", "model.keras", "model.h5"])
def test_wrappers_come_off_and_the_model_computes_the_same(wrap, file, tmp_path):
    model = wrap(_base())
    expected = model.predict(X, verbose=0)
    if file:
        model.save(tmp_path / file)
    plain = load_model(tmp_path / file) if file else load_if_path(model)
    kinds = {type(layer).__name__ for layer in plain.layers}
    assert not kinds & {"PruneLowMagnitude", "ClusterWeights"}
    np.testing.assert_allclose(plain.predict(X, verbose=0), expected, rtol=0, atol=1e-6)


def test_quantization_aware_model_is_pruned():
    model = tfmot.quantization.keras.quantize_model(_base())
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, np.zeros(16), verbose=0)
    plain = load_if_path(model)
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"tf_keras"}
    names = [layer.activation.__name__ for layer in plain.layers if hasattr(layer, "kernel")]
    assert names == ["relu", "linear", "softmax"]
    np.testing.assert_allclose(
        plain.predict(X, verbose=0), model.predict(X, verbose=0), rtol=0, atol=0.05
    )
    report = edgeprune.prune(model, 0.5, calibration=X).report
    assert report.removed.neurons >= 0.5
    assert any("QuantizeWrapperV2" in note for note in report.notes)
